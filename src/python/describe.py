# Started with -I -S: no user's folder, no variable and no .pth file has a word in this. Runs on Python 2 too, which
# then says so.
import json
import os
import sys


def base():
    """The interpreter that a virtual environment was made from."""
    found = getattr(sys, "_base_executable", None) or sys.executable
    for _ in range(8):
        folder = os.path.dirname(found)
        for config in (os.path.join(folder, "pyvenv.cfg"), os.path.join(os.path.dirname(folder), "pyvenv.cfg")):
            if os.path.isfile(config):
                break
        else:
            return found
        home = None
        with open(config) as lines:
            for line in lines:
                key, _, value = line.partition("=")
                if key.strip().lower() == "home":
                    home = value.strip()
        ending = ".exe" if os.name == "nt" else ""
        names = ["python%d.%d" % sys.version_info[:2], "python%d" % sys.version_info[0], "python"]
        for name in names:
            if home and os.path.isfile(os.path.join(home, name + ending)):
                found = os.path.join(home, name + ending)
                break
        else:
            return os.path.realpath(found)
    return found


def main():
    version = list(sys.version_info[:3])
    answer = {"version": version, "executable": base(), "own": sys.executable}
    if version < [3, 8, 0]:
        return answer
    import platform
    import site
    import sysconfig

    modules = set(getattr(sys, "stdlib_module_names", ())) or set(sys.builtin_module_names)
    if not hasattr(sys, "stdlib_module_names"):
        for key in ("stdlib", "platstdlib"):
            folder = sysconfig.get_path(key)
            for folder in (folder, os.path.join(folder, "lib-dynload")):
                for name in os.listdir(folder) if os.path.isdir(folder) else ():
                    bare = name.split(".")[0]
                    if bare.isidentifier() and (name.endswith((".py", ".so", ".pyd")) or "." not in name):
                        modules.add(bare)
        modules -= {"__pycache__", "lib"}
    implementation = sys.implementation
    info = implementation.version
    release = "%d.%d.%d" % info[:3]
    if info.releaselevel != "final":
        release += info.releaselevel[0] + str(info.serial)
    folders = list(site.getsitepackages()) + [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    answer.update(
        implementation=implementation.name,
        platform=sysconfig.get_platform(),
        abi=sysconfig.get_config_var("SOABI") or implementation.cache_tag or "",
        libc=" ".join(platform.libc_ver()).strip(),
        modules=sorted(modules),
        site_folders=sorted(set(folders), key=folders.index),
        markers={
            "implementation_name": implementation.name,
            "implementation_version": release,
            "os_name": os.name,
            "platform_machine": platform.machine(),
            "platform_python_implementation": platform.python_implementation(),
            "platform_release": platform.release(),
            "platform_system": platform.system(),
            "platform_version": platform.version(),
            "python_full_version": platform.python_version(),
            "python_version": ".".join(platform.python_version_tuple()[:2]),
            "sys_platform": sys.platform,
        },
    )
    return answer


print(json.dumps(main()))

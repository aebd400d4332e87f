#!/bin/sh
# Written by envtool. Starts the environment's Python by its own path, beside which it finds what it is for.
self=$0
[ ! -L "$self" ] || self=$(readlink -f -- "$self")
case $self in
/*/*/*) bin=${self%/*} && exec "${bin%/*}/python/bin/python" "$@" ;;
*) exec "${self%/*}/../python/bin/python" "$@" ;;
esac

# Puts the project's own tools first on PATH.
#   source tools/env.sh            in bash or zsh: this shell finds them
#   eval "$(bash tools/env.sh)"    in any other POSIX shell
if [ -n "${BASH_SOURCE:-}" ]; then
    switchyard_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
elif [ -n "${ZSH_VERSION:-}" ]; then
    switchyard_root=$(cd "$(dirname "$0")/.." && pwd)
else
    switchyard_root=$(pwd)
fi
PATH="$switchyard_root/.tools/bin:$switchyard_root/node_modules/.bin:$PATH"
export PATH
if [ "${BASH_SOURCE:-}" = "$0" ]; then
    printf 'export PATH="%s"\n' "$PATH"
fi
unset switchyard_root

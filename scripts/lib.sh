# Shared by the scripts in this folder: words, and what a fresh machine lacks.

say() { printf '%s\n' "$*" >&2; }
step() { printf '\033[1m> %s\033[0m\n' "$*" >&2; }
need() { command -v "$1" >/dev/null || { say "$1 is missing: $2"; exit 1; }; }

# packages COMMAND:PACKAGE ... installs the packages whose command is missing, as root.
packages() {
  local missing=()
  for pair in "$@"; do
    command -v "${pair%%:*}" >/dev/null || missing+=("${pair##*:}")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  if [ "$(id -u)" = 0 ]; then
    step "installing ${missing[*]}"
    apt-get update -qq >/dev/null
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${missing[@]}" >/dev/null
  else
    say "missing: sudo apt-get install ${missing[*]}"
    exit 1
  fi
}

#!/usr/bin/env bash
# Makes a machine ready to build, run and test Firstline, and says in one line that it is.
#
#   scripts/setup.sh          Go, Node, PostgreSQL >= 15 and pgvector >= 0.7
#   scripts/setup.sh --test   the same, and what tests talk to: Chromium, an S3 server, ClamAV
#
# What is there is left alone; when nothing is missing it takes a fraction of a second and changes nothing. On Debian and
# Ubuntu, as root or with sudo, missing packages are installed with apt. Everywhere else it
# prints the commands to run. Go and Node are never installed, only checked: people choose those themselves.
#
# With DATABASE_URL (run) or FIRSTLINE_TEST_DATABASE_URL (--test) set, no PostgreSQL is needed on this machine.
# FIRSTLINE_POSTGRES_BIN names a directory with the PostgreSQL programs when they are in an unusual place.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
with_chromium=no
for arg in "$@"; do
  case $arg in
    --test) with_chromium=yes ;;
    -h | --help) sed -n '2,12s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "setup: unknown argument $arg (known: --test)" >&2; exit 2 ;;
  esac
done

pg_major_min=15     # NULLS NOT DISTINCT and MERGE; the oldest release that Firstline is tested on
vector_min=0.7      # the first pgvector with halfvec
node_min=20
work=               # temporary directory, made when first needed
child=              # the step that is running

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: %s\n' "$@" >&2; exit 1; }

cleanup() {
  if [ -n "$child" ]; then kill "$child" 2>/dev/null || true; fi
  if [ -n "$work" ]; then rm -rf "$work"; fi
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

make_work() {
  if [ -z "$work" ]; then
    work=$(mktemp -d "${TMPDIR:-/tmp}/firstline-setup.XXXXXX")
    chmod 755 "$work" # apt downloads as its own user, who must be able to enter
  fi
}

# step TEXT COMMAND... runs a command that may take long: it says what it does, every ten seconds that it still does,
# and shows the command's own words only when it fails.
step() {
  local text=$1 started=$SECONDS log
  shift
  make_work
  log=$work/log
  say "$text ..."
  "$@" >"$log" 2>&1 </dev/null &
  child=$!
  local ticks=0
  while kill -0 "$child" 2>/dev/null; do
    sleep 0.2
    ticks=$((ticks + 1))
    if [ $((ticks % 50)) -eq 0 ]; then say "  still at it after $((SECONDS - started)) s: $(tail -n 1 "$log" | cut -c 1-100)"; fi
  done
  local status=0
  wait "$child" || status=$?
  child=
  if [ "$status" -ne 0 ]; then
    tail -n 25 "$log" | sed 's/^/    /' >&2
    say "failed: $text (exit status $status)" >&2
  fi
  return "$status"
}

# at_least HAVE WANT compares dotted version numbers.
at_least() {
  local have=$1 want=$2 h w
  while [ -n "$want" ]; do
    h=${have%%.*} w=${want%%.*}
    h=${h%%[!0-9]*}
    if [ "${h:-0}" -gt "$w" ]; then return 0; fi
    if [ "${h:-0}" -lt "$w" ]; then return 1; fi
    case $have in *.*) have=${have#*.} ;; *) have=0 ;; esac
    case $want in *.*) want=${want#*.} ;; *) want= ;; esac
  done
}

# ---- Go and Node: checked, never installed ------------------------------------------------------------------------

missing=0
check_go() {
  local want have
  want=$(sed -n 's/^go //p' "$root/go.mod")
  if ! command -v go >/dev/null 2>&1; then
    say "Go is missing. Install Go $want or newer (https://go.dev/dl) and put its bin directory on PATH." >&2
    missing=1
    return
  fi
  # Asked inside the module: a Go of 1.21 or newer fetches the release that go.mod names by itself when it may.
  if ! have=$(cd "$root" && go env GOVERSION 2>/dev/null) || ! at_least "${have#go}" "$want"; then
    have=$(cd / && GOTOOLCHAIN=local go env GOVERSION)
    say "Go $want or newer is needed, this is ${have#go}. Install it from https://go.dev/dl." >&2
    missing=1
    return
  fi
  found="Go ${have#go}"
}

check_node() {
  local have
  if ! command -v node >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then
    say "Node.js $node_min or newer with npm is missing; the web pages are built with it. See https://nodejs.org/en/download." >&2
    missing=1
    return
  fi
  have=$(node --version)
  if ! at_least "${have#v}" "$node_min"; then
    say "Node.js $node_min or newer is needed, this is ${have#v}. See https://nodejs.org/en/download." >&2
    missing=1
    return
  fi
  found="$found, Node ${have#v}"
}

# ---- PostgreSQL ---------------------------------------------------------------------------------------------------

# pg_bins prints every directory that may hold PostgreSQL's programs, each once.
pg_bins() {
  {
    if [ -n "${FIRSTLINE_POSTGRES_BIN:-}" ]; then echo "$FIRSTLINE_POSTGRES_BIN"; fi
    local dir
    for dir in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql*/bin \
      /usr/local/opt/postgresql*/bin /home/linuxbrew/.linuxbrew/opt/postgresql*/bin \
      /Applications/Postgres.app/Contents/Versions/*/bin /usr/local/pgsql/bin; do
      echo "$dir"
    done
    if command -v pg_config >/dev/null 2>&1; then pg_config --bindir 2>/dev/null || true; fi
    if command -v postgres >/dev/null 2>&1; then dirname "$(command -v postgres)"; fi
  } | awk '!seen[$0]++'
}

# vector_version BINDIR prints the version of pgvector that the server in BINDIR can load, or nothing.
vector_version() {
  local share
  share=$("$1/pg_config" --sharedir 2>/dev/null) || return 0
  sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" "$share/extension/vector.control" 2>/dev/null || true
}

# find_postgres sets pg_bin, pg_major and pg_vector to the newest server with a good pgvector, else to the newest server.
find_postgres() {
  pg_bin='' pg_major='' pg_vector=''
  local bin major vector good best=0 rank
  while IFS= read -r bin; do
    if [ ! -x "$bin/postgres" ] || [ ! -x "$bin/initdb" ]; then continue; fi
    major=$("$bin/postgres" --version 2>/dev/null | sed 's/^[^0-9]*//; s/[^0-9].*//') || continue
    if [ "${major:-0}" -lt "$pg_major_min" ]; then continue; fi
    vector=$(vector_version "$bin") good=0
    if [ -n "$vector" ] && at_least "$vector" "$vector_min"; then good=1000; fi
    rank=$((good + major))
    if [ "$rank" -gt "$best" ]; then best=$rank pg_bin=$bin pg_major=$major pg_vector=$vector; fi
  done <<<"$(pg_bins)"
}

vector_ready() { [ -n "$pg_vector" ] && at_least "$pg_vector" "$vector_min"; }

# ---- apt ----------------------------------------------------------------------------------------------------------

sudo=
can_install=unknown
# as_root finds out once whether this script may install packages.
as_root() {
  if [ "$can_install" = unknown ]; then
    can_install=no
    if [ "$(id -u)" -eq 0 ]; then
      can_install=yes
    elif command -v sudo >/dev/null 2>&1; then
      if sudo -n true 2>/dev/null; then
        can_install=yes sudo='sudo -n'
      elif [ -t 0 ] && [ -t 2 ]; then
        say "some packages are missing; sudo asks for your password to install them"
        if sudo -v; then can_install=yes sudo='sudo -n'; fi
      fi
    fi
  fi
  [ "$can_install" = yes ]
}

has_apt() { command -v apt-get >/dev/null 2>&1 && command -v dpkg-query >/dev/null 2>&1; }

# apt_install TEXT PACKAGE... installs without recommended packages and without questions.
lists_fresh=no
apt_install() {
  local text=$1
  shift
  refresh_lists || return
  step "$text" $sudo env DEBIAN_FRONTEND=noninteractive apt-get -y -q --no-install-recommends \
    -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold install "$@"
}

refresh_lists() {
  if [ "$lists_fresh" = yes ]; then return 0; fi
  # One repository among several that does not answer only makes a warning; what is missing in the end is said below.
  step "reading the lists of packages (apt-get update)" $sudo apt-get -q update || return
  lists_fresh=yes
}

# apt_version PACKAGE prints the version that apt would install, or nothing.
apt_version() {
  apt-cache policy "$1" 2>/dev/null | sed -n 's/^ *Candidate: *//p' | grep -v '(none)' || true
}

installed_version() { dpkg-query -W -f '${Version}' "$1" 2>/dev/null || true; }

# ---- pgvector from the source package of the distribution's next release ------------------------------------------

# next_release sets next, component and keyring for a release whose own pgvector is absent or too old.
next_release() {
  local codename
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  case $codename in
    bookworm) next=trixie component=main keyring=/usr/share/keyrings/debian-archive-keyring.gpg ;;
    noble) next=resolute component=universe keyring=/usr/share/keyrings/ubuntu-archive-keyring.gpg ;;
    *) return 1 ;;
  esac
  repository=$(apt-get indextargets --format '$(CREATED_BY) $(RELEASE) $(REPO_URI)' |
    awk -v release="$codename" '$1 == "Packages" && $2 == release { print $3; exit }')
  [ -n "$repository" ]
}

# fetch_source downloads and unpacks pgvector's source package with an apt that has its own sources, lists and cache and
# otherwise the machine's settings (proxies, timeouts). apt checks the signature of the release with the distribution's
# keyring, and with it the sums of the files. Nothing under /etc/apt or /var/lib/apt changes.
fetch_source() {
  local private=$work/apt
  mkdir -p "$private/lists/partial" "$private/cache/archives/partial" "$private/sources.list.d" "$work/source"
  cat >"$private/sources.list.d/next.sources" <<SOURCES
Types: deb-src
URIs: $repository
Suites: $next
Components: $component
Signed-By: $keyring
SOURCES
  apt_private=(-q -o "Dir::Etc::sourcelist=/dev/null" -o "Dir::Etc::sourceparts=$private/sources.list.d"
    -o "Dir::State::lists=$private/lists" -o "Dir::Cache=$private/cache")
  if [ "$(id -u)" -eq 0 ] && id _apt >/dev/null 2>&1; then chown _apt "$work/source"; fi
  step "reading the list of $next's source packages" apt-get "${apt_private[@]}" \
    -o Acquire::Languages=none -o APT::Update::Error-Mode=any update || return
  (cd "$work/source" && step "fetching pgvector's source package from $next" \
    apt-get "${apt_private[@]}" --only-source source pgvector)
}

# can_build says whether a C compiler and PostgreSQL's headers are in place, by asking for what they consist of.
can_build() {
  command -v make >/dev/null && command -v dpkg-source >/dev/null && command -v gcc >/dev/null &&
    [ -f "$("$pg_bin/pg_config" --pgxs)" ] && [ -f "$("$pg_bin/pg_config" --includedir-server)/postgres.h" ] &&
    echo '#include <stdio.h>' | gcc -E - >/dev/null 2>&1
}

build_pgvector() {
  local dev=postgresql-server-dev-$pg_major want have
  if ! next_release; then
    say "this release of the distribution is not known here: pgvector must be installed by hand" >&2
    return 1
  fi
  want=($dev)
  have=$(installed_version "postgresql-$pg_major")
  # Headers of the server's very version when apt still has them, else the newest: extensions are compatible within a major.
  if [ -n "$have" ] && apt-cache madison "$dev" 2>/dev/null | awk '{ print $3 }' | grep -qxF "$have"; then want=("$dev=$have"); fi
  if ! can_build; then
    apt_install "installing PostgreSQL's headers and a compiler, to build pgvector (about a minute)" \
      "${want[@]}" gcc libc6-dev make dpkg-dev ca-certificates || return
  fi
  make_work
  fetch_source || return
  local tree
  tree=$(find "$work/source" -mindepth 1 -maxdepth 1 -type d | head -n 1)
  if [ -z "$tree" ]; then say "the source package did not unpack" >&2; return 1; fi
  # OPTFLAGS is emptied because pgvector's own choice, -march=native, ties the result to this processor; its distance
  # functions choose the best instructions at run time. Bitcode for the JIT compiler, which we switch off, is left out.
  step "building pgvector for PostgreSQL $pg_major" \
    make -C "$tree" -j "$(getconf _NPROCESSORS_ONLN)" OPTFLAGS= with_llvm=no PG_CONFIG="$pg_bin/pg_config" || return
  step "installing pgvector" $sudo make -C "$tree" install OPTFLAGS= with_llvm=no PG_CONFIG="$pg_bin/pg_config"
}

install_postgres() {
  if ! has_apt; then manual_postgres; fi
  if ! as_root; then manual_postgres; fi
  refresh_lists || return
  local candidate
  candidate=$(apt_version postgresql | sed 's/^\([0-9]*\).*/\1/')
  if [ "${candidate:-0}" -lt "$pg_major_min" ]; then
    die "apt offers PostgreSQL ${candidate:-none}, Firstline needs $pg_major_min or newer." \
      "Add PostgreSQL's own apt repository as https://www.postgresql.org/download/linux explains, then run this again." \
      "Or set DATABASE_URL to a server elsewhere."
  fi
  # Firstline starts a private cluster of its own; the packages need not make one that runs at every boot.
  if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
    $sudo mkdir -p /etc/postgresql-common/createcluster.d
    echo 'create_main_cluster = false' | $sudo tee /etc/postgresql-common/createcluster.d/firstline.conf >/dev/null
  fi
  apt_install "installing PostgreSQL $candidate" "postgresql-$candidate" "postgresql-client-$candidate"
}

install_pgvector() {
  if ! has_apt; then manual_pgvector; fi
  if ! as_root; then manual_pgvector; fi
  refresh_lists || return
  local package=postgresql-$pg_major-pgvector candidate
  candidate=$(apt_version "$package")
  if [ -n "$candidate" ] && at_least "$candidate" "$vector_min"; then
    apt_install "installing pgvector $candidate" "$package"
  else
    say "this release has no package of pgvector $vector_min or newer for PostgreSQL $pg_major; building it from the next release's source (about two minutes)"
    build_pgvector
  fi
}

# ---- what to do by hand -------------------------------------------------------------------------------------------

manual_postgres() {
  if [ "$(uname -s)" = Darwin ]; then
    die "PostgreSQL is missing. Run:" "    brew install postgresql@17 pgvector" "and then this again."
  elif has_apt; then
    die "PostgreSQL $pg_major_min or newer is missing and there is no right to install it here (no root, no sudo)." \
      "An administrator can run, once:" "    sudo $root/scripts/setup.sh" \
      "or, where the release has both packages:" \
      "    apt-get install --no-install-recommends postgresql postgresql-NN-pgvector     (NN: PostgreSQL's major version)" \
      "Or set DATABASE_URL to a server elsewhere."
  fi
  die "PostgreSQL $pg_major_min or newer with pgvector $vector_min or newer is missing." \
    "Install the server and pgvector with this system's package manager, then run this again." \
    "Or set DATABASE_URL to a server elsewhere. FIRSTLINE_POSTGRES_BIN names an unusual place of the programs."
}

manual_pgvector() {
  local why="pgvector $vector_min or newer is missing for PostgreSQL $pg_major ($pg_bin)"
  if [ -n "$pg_vector" ]; then why="$why; there is $pg_vector"; fi
  if [ "$(uname -s)" = Darwin ]; then
    die "$why. Run:" "    brew install pgvector" \
      "(Homebrew builds it for its current PostgreSQL; brew install postgresql@17 if this one is another) and then this again."
  elif has_apt; then
    die "$why, and there is no right to install it here (no root, no sudo)." \
      "An administrator can run, once:" "    sudo $root/scripts/setup.sh" \
      "or, where the release has the package:" "    apt-get install --no-install-recommends postgresql-$pg_major-pgvector"
  fi
  die "$why." "Install pgvector with this system's package manager, or build it as https://github.com/pgvector/pgvector explains."
}

# ---- Chromium, for the browser tests ------------------------------------------------------------------------------

check_chromium() {
  local browser
  for browser in "${FIRSTLINE_CHROMIUM:-}" /usr/bin/chromium "/Applications/Chromium.app/Contents/MacOS/Chromium" \
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" /usr/bin/google-chrome; do
    if [ -n "$browser" ] && [ -x "$browser" ]; then found="$found, $(basename "$browser")"; return; fi
  done
  if [ "$(uname -s)" = Darwin ]; then
    die "Chromium is missing; the browser tests need it. Run:" "    brew install --cask chromium" "or set FIRSTLINE_CHROMIUM to a browser of its kind."
  fi
  # Ubuntu's package of the name chromium-browser only points to a snap, which tests cannot drive.
  if ! has_apt || [ "$(. /etc/os-release && echo "${ID:-}")" != debian ]; then
    die "Chromium is missing; the browser tests need it." "Install it, and set FIRSTLINE_CHROMIUM to the program if it is not /usr/bin/chromium."
  fi
  if ! as_root; then
    die "Chromium is missing; the browser tests need it. An administrator can run, once:" "    apt-get install --no-install-recommends chromium"
  fi
  apt_install "installing Chromium for the browser tests (about a minute)" chromium || die "Chromium could not be installed."
  found="$found, chromium"
}

# ---- Servers that tests talk to ------------------------------------------------------------------------------------

versitygw=v1.8.0 # an S3 server in one Go program

# check_s3 builds the S3 server into bin/. Without it (no module proxy), tests of stored files use a folder only.
check_s3() {
  if [ -n "${FIRSTLINE_TEST_VERSITYGW:-}" ] || [ -x "$root/bin/versitygw" ]; then return; fi
  if ! command -v go >/dev/null 2>&1; then return; fi
  GOBIN=$root/bin step "building the S3 server for the tests (about a minute)" go install "github.com/versity/versitygw/cmd/versitygw@$versitygw" ||
    say "tests of stored files use a folder only"
}

# check_clamd installs ClamAV where its package starts nothing by itself: on a machine with systemd it would keep running.
# Without it, tests of scanning use a stand-in only.
check_clamd() {
  if [ -n "${FIRSTLINE_TEST_CLAMD:-}" ] || [ -x /usr/sbin/clamd ]; then return; fi
  if has_apt && [ ! -d /run/systemd/system ] && as_root && apt_install "installing ClamAV for the tests" clamav-daemon; then return; fi
  say "no clamd here: tests of scanning use a stand-in only (with ClamAV's clamd in /usr/sbin, or named in FIRSTLINE_TEST_CLAMD, the real one)"
}

# ---- all of it ----------------------------------------------------------------------------------------------------

found=
check_go
check_node
# What can be installed is, also when Go or Node is missing: an administrator who runs this with sudo often has neither
# on root's PATH.
elsewhere=${DATABASE_URL:-}
if [ "$with_chromium" = yes ]; then elsewhere=${FIRSTLINE_TEST_DATABASE_URL:-}; fi
if [ -n "$elsewhere" ]; then
  found="$found, PostgreSQL elsewhere"
else
  find_postgres
  if [ -z "$pg_bin" ]; then
    install_postgres || die "PostgreSQL could not be installed; see above."
    find_postgres
    if [ -z "$pg_bin" ]; then die "PostgreSQL was installed but its programs were not found; set FIRSTLINE_POSTGRES_BIN."; fi
  fi
  if ! vector_ready; then
    install_pgvector || die "pgvector could not be installed; see above." \
      "Firstline also runs with a PostgreSQL elsewhere that has it: set DATABASE_URL."
    find_postgres
    if ! vector_ready; then die "pgvector was installed but PostgreSQL $pg_major does not see it in $("$pg_bin/pg_config" --sharedir)/extension."; fi
  fi
  found="$found, PostgreSQL $pg_major with pgvector $pg_vector"
fi
if [ "$with_chromium" = yes ]; then
  check_chromium
  check_s3
  check_clamd
fi
found=${found#, }
if [ "$missing" -ne 0 ]; then die "$found: ready, but not all is; see above."; fi
say "$found: ready"

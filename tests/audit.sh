#!/usr/bin/env bash
# What `cnn` touches: it asks no network outside `data fetch` and `serve`, starts no other program, and writes nothing
# but its runs, its data sets and the files it is told to write.
#
#   bash tests/audit.sh target/release/cnn
#
# Each command runs under `strace`; each call that could reach a network or change a file is held to what is said here.
# A line a command; the first fault ends the script with 1. Where `strace` may not trace nothing is checked, and that is
# said; that there is none is a fault where CNN_REQUIRE_MACHINE is set.
set -euo pipefail

cnn=$(realpath "${1:?give the path of the program, such as target/release/cnn}")
if ! refusal=$(strace -f -o /dev/null true 2>&1); then
  if [ -n "${CNN_REQUIRE_MACHINE:-}" ] && ! command -v strace >/dev/null; then
    echo "FAIL  there is no strace here"
    exit 1
  fi
  echo "skip  $refusal"
  exit 0
fi
work=$(realpath "$(mktemp -d)")
server=
clean() {
  if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap clean EXIT
mkdir "$work/here" "$work/home" "$work/tmp"
cd "$work/here"
# Whatever would be kept at home or in the folder of temporary files is seen there.
export HOME=$work/home TMPDIR=$work/tmp
unset CNN_DATASETS XDG_CACHE_HOME XDG_CONFIG_HOME XDG_DATA_HOME

# Calls that reach a network, change files, or start what could do either unseen.
calls=%network,execve,execveat,io_uring_setup,mount,chdir,fchdir
for call in open creat mkdir mknod rename link symlink unlink rmdir chmod chown lchown utime utimes futimesat \
  setxattr lsetxattr removexattr lremovexattr truncate \
  openat openat2 mkdirat mknodat renameat renameat2 linkat symlinkat unlinkat fchmodat fchownat utimensat; do
  calls+=,?$call
done

# Reads a log and says which calls are none of those allowed: `net` or paths, a folder by its `/` at the end.
cat >"$work/judge.py" <<'PY'
import os, re, sys
log, here, *allowed = sys.argv[1:]
may_connect = "net" in allowed
whole = lambda path: os.path.normpath(os.path.join(here, path)) + "/" * path.endswith("/")
paths = [whole(path) for path in allowed if path != "net"]
changing = re.compile(r"O_(WRONLY|RDWR|CREAT|TRUNC|APPEND|TMPFILE)")
argument = re.compile(r'(?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"((?:[^"\\]|\\.)*)"')
faults, programs, seen = set(), 0, 0
for line in open(log, errors="replace"):
    found = re.match(r"\d+ +(\w+)\((.*)", line)
    if not found:
        continue
    call, rest = found.groups()
    seen += 1
    if call.startswith("exec"):
        programs += 1
    elif call.startswith("open") and not changing.search(rest):
        pass
    elif re.match(r"(open|creat|mkdir|mknod|rename|link|symlink|unlink|rmdir|f?chmod|[lf]?chown|f?utime|l?setxattr"
                  r"|l?removexattr|truncate|utimensat|utimes)", call):
        named = [os.path.normpath(os.path.join(folder or here, path)) for folder, path in argument.findall(rest)]
        if call.startswith("symlink"):
            named = named[-1:]
        for path in named:
            inside = any(path.startswith(p) or path + "/" == p if p.endswith("/") else path == p for p in paths)
            if not inside:
                faults.add(f"{call} {path}")
    elif not may_connect or call in ("io_uring_setup", "mount", "chdir", "fchdir"):
        faults.add(line.split(" ", 1)[1].strip())
if programs != 1:
    faults.add(f"{programs} programs were started")
if not seen:
    faults.add("nothing was traced")
print("\n".join(sorted(faults)))
sys.exit(bool(faults))
PY

begin=$SECONDS
fail() {
  printf 'FAIL        %s\n' "$1"
  shift
  for file in "$@"; do tail -20 "$file"; done
  exit 1
}
judge() {
  local name=$1
  shift
  python3 "$work/judge.py" "$work/log" "$PWD" "$@" >"$work/judged" || fail "$name" "$work/judged"
  printf 'ok   %3s s  %-18s %s\n' "$((SECONDS - begin))" "$name" "${*:-nothing}"
}
trace() { strace -f -qq -y --seccomp-bpf -e trace="$calls" -o "$work/log" "$@"; }
# look "NAME" "WHAT MAY BE WRITTEN" ARGUMENTS…: runs a command that ends well and judges it.
look() {
  local name=$1 allowed=$2
  shift 2
  trace "$cnn" "$@" --quiet >"$work/said" 2>&1 </dev/null || fail "$name: exit $?" "$work/said"
  # The words are paths without spaces.
  # shellcheck disable=SC2086
  judge "$name" $allowed
}
# A file is written beside its place and moved there.
file() { echo "$1 $(dirname "$1")/.unfinished-$(basename "$1")"; }

python3 - <<'PY'
import os, struct, zlib
def png(path, side, value):
    rows = b"".join(b"\0" + bytes((value(row, column)) for column in range(side)) for row in range(side))
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
for number in range(16):
    png(f"bars/across/{number}.png", 8, lambda row, column: 200 * (row == number % 8))
    png(f"bars/down/{number}.png", 8, lambda row, column: 200 * (column == number % 8))
png("one.png", 8, lambda row, column: 30 * row)
PY
cat >net.toml <<'TOML'
[model]
input = [1, 8, 8]
layers = [
  { type = "conv", name = "C1", filters = 4, kernel_size = 3, activation = "relu" },
  { type = "flatten" },
  { type = "dense", units = 2 },
]
[data]
source = "bars"
validation = 0.25
[train]
epochs = 2
batch_size = 8
optimizer = { type = "adam", learning_rate = 0.01 }
TOML
tar czf bars.tar.gz bars

look inspect "" inspect net.toml
look "inspect --svg" "$(file net.svg)" inspect net.toml --svg net.svg
# Only so does the system measure the peak of memory anew.
look "inspect --measure" "/proc/self/clear_refs" inspect net.toml --measure
look new "fresh.toml" new fresh
look schema "" schema
look completions "" completions bash
look man "" man
look "man --dir" "man1/" man --dir man1
# The place where runs are written is tried with a file without a name.
look doctor "." doctor
look "data list" "" data list
look "data check" "" data check bars
look "data stats" "" data stats net.toml
look "data show" "$(file sheet.png)" data show net.toml --out sheet.png
look filter "$(file edges.png)" filter one.png --kernel sobel_x --out edges.png
look train "runs/" train net.toml --run one --tensorboard
look "train, an archive" "runs/" train net.toml --data bars.tar.gz
look "train --resume" "runs/one/" train --resume one --epochs 3
look eval "" eval one
look predict "" predict one.png bars --model one --json
look "show filters" "runs/one/" show one filters
look "show --out" "drawn/" show one features one.png --out drawn
look "show explain" "runs/one/" show one explain one.png
look "show embedding" "runs/one/" show one embedding
look "runs list" "" runs list
look "runs show" "" runs show one
look "runs compare" "$(file curves.svg)" runs compare one one --svg curves.svg
look "runs report" "runs/one/" runs report one
look bench "/proc/self/clear_refs" bench net.toml --seconds 0.2
look "sweep" "runs/" sweep net.toml --set train.optimizer.learning_rate=0.01,0.1 --epochs 1
look "crossval" "runs/" crossval net.toml --folds 2 --epochs 1
look "export onnx" "$(file one.onnx)" export one --format onnx --out one.onnx --check
look "export torch" "torch/ .unfinished-torch/" export one --format torch --out torch
look import "runs/ $(file read.toml)" import one.onnx --config read.toml
look "import --into" "runs/" import torch/model.safetensors --into net.toml --as other
look "runs rm" "runs/" runs rm other

# A mirror here that has another file: the network is asked, and nothing written but below the data sets.
name="data fetch"
mkdir mirror
echo "no pictures" >mirror/train-images-idx3-ubyte.gz
python3 -u -m http.server --bind 127.0.0.1 --directory mirror 0 >"$work/mirror" 2>&1 &
server=$!
for _ in $(seq 200); do grep -q port "$work/mirror" 2>/dev/null && break || sleep 0.05; done
port=$(sed -n 's/.* port \([0-9]*\) .*/\1/p' "$work/mirror")
code=0
trace "$cnn" data fetch mnist --mirror "http://127.0.0.1:$port" --quiet >"$work/said" 2>&1 || code=$?
kill "$server"
server=
[ "$code" -eq 3 ] || fail "$name: exit $code" "$work/said"
grep -q "connect(.*htons($port)" "$work/log" || fail "$name: the mirror was not asked" "$work/log"
judge "$name" net datasets/

name=serve
if "$cnn" serve --help >/dev/null 2>&1; then
  # Traced from behind, so that the process is our own.
  strace -D -f -qq -y -e trace="$calls" -o "$work/log" "$cnn" serve one --port 0 >"$work/said" 2>&1 &
  server=$!
  python3 - "$work/said" one.png <<'PY'
import re, sys, time, urllib.request
for _ in range(600):
    found = re.search(r"http://127\.0\.0\.1:\d+", open(sys.argv[1]).read())
    if found:
        break
    time.sleep(0.05)
else:
    sys.exit("it does not listen")
with urllib.request.urlopen(found[0]) as page:
    assert b"<html" in page.read()
request = urllib.request.Request(found[0] + "/predict", open(sys.argv[2], "rb").read(), {"content-type": "image/png"})
with urllib.request.urlopen(request) as answer:
    assert b"predictions" in answer.read()
PY
  kill -TERM "$server"
  code=0
  wait "$server" || code=$?
  server=
  [ "$code" -eq 143 ] || fail "$name: exit $code" "$work/said"
  ! grep -q ' connect(' "$work/log" || fail "$name: it calls others" "$work/log"
  judge "$name" net
else
  echo "skip  serve is not compiled in"
fi
[ -z "$(ls -A "$work/home" "$work/tmp" | grep -v ':$' || true)" ] || fail "files are left at home or in the temporary folder"

#!/usr/bin/env bash
# Faults that need a whole machine: kills, full disks, huge files, other users.
#
#   bash tests/faults.sh target/release/cnn
#
# Each check prints a line; the first that fails ends the script with 1. What the machine does not allow (mounting a
# small disk, another user) is skipped with a word; that it has no program to try with is a fault where
# CNN_REQUIRE_MACHINE is set. The quick faults are tests of the suite.
set -euo pipefail

cnn=$(realpath "${1:?give the path of the program, such as target/release/cnn}")
work=$(mktemp -d)
said=$work/said
disk=
clean() {
  # A check that fails may leave what it started.
  jobs -p | xargs -r kill -9 2>/dev/null || true
  wait 2>/dev/null || true
  if [ -n "$disk" ]; then umount "$disk" 2>/dev/null || true; fi
  rm -rf "$work"
}
trap clean EXIT
cd "$work"

begin=$SECONDS skipped=0
pass() { printf 'ok   %4s s  %s\n' "$((SECONDS - begin))" "$1"; }
skip() {
  printf 'skip %4s s  %s: %s\n' "$((SECONDS - begin))" "$1" "$2"
  skipped=$((skipped + 1))
}
fail() {
  printf 'FAIL         %s\n' "$1"
  if [ -f "$said" ]; then cat "$said"; fi
  exit 1
}
# Runs a command, its words in $said, and asserts its exit code.
expect() {
  local name=$1 expected=$2 code=0
  shift 2
  "$@" >"$said" 2>&1 || code=$?
  [ "$code" -eq "$expected" ] || fail "$name: exit $code, expected $expected"
}
# Waits until a command holds, while a process lives and for two minutes at most.
wait_for() {
  local process=$1 end=$((SECONDS + 120))
  shift
  until "$@"; do
    kill -0 "$process" 2>/dev/null || fail "$name: the process has ended before \`$*\`"
    [ "$SECONDS" -lt "$end" ] || fail "$name: two minutes, and not yet \`$*\`"
    sleep 0.05
  done
}
says() { grep -qF -- "$2" "$said" || fail "$1: does not say \`$2\`"; }
# Prints the largest resident memory of a command in KiB, its words in $said.
peak() {
  python3 - "$said" "$@" <<'PY'
import resource, subprocess, sys
with open(sys.argv[1], "wb") as said:
    subprocess.run(sys.argv[2:], stdout=said, stderr=said)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
PY
}

if [ -n "${CNN_REQUIRE_MACHINE:-}" ]; then
  for program in mount setpriv; do
    command -v "$program" >/dev/null || fail "there is no \`$program\` here"
  done
fi

# 160 pictures of two classes, and a network with all that carries state from step to step.
python3 - <<'PY'
import os, random, struct
random.seed(1)
os.mkdir("data")
for split, count in (("train", 160), ("t10k", 20)):
    labels = [index % 2 for index in range(count)]
    pixels = bytes(
        max(0, min(255, random.randrange(80) + (150 if (row if label else column) % 3 == 0 else 0)))
        for label in labels for row in range(8) for column in range(8)
    )
    open(f"data/{split}-images-idx3-ubyte", "wb").write(struct.pack(">4I", 0x803, count, 8, 8) + pixels)
    open(f"data/{split}-labels-idx1-ubyte", "wb").write(struct.pack(">2I", 0x801, count) + bytes(labels))
PY
cat >net.toml <<'TOML'
[model]
input = [1, 8, 8]
layers = [
  { type = "conv", filters = 4, kernel_size = 3 },
  { type = "batch_norm" },
  { type = "activation", fn = "relu" },
  { type = "flatten" },
  { type = "dropout", rate = 0.2 },
  { type = "dense", units = 2 },
]
[data]
source = "data"
validation = 0.2
[augment]
shift = 1
rotate = 10
[train]
epochs = 400
batch_size = 8
ema = 0.99
checkpoint = { every = "3 steps", keep = 2 }
TOML

# Prints the newest checkpoint of a run, if there is one.
newest() { ls "runs/$1/checkpoints" 2>/dev/null | grep '^step-' | tail -1 || true; }
has_checkpoint() { [ -n "$(newest "$1")" ]; }

name="killed 200 times at random moments, a run ends in the bytes of one that was not"
expect "$name" 0 "$cnn" train net.toml --run straight --quiet
same() { cmp -s runs/killed/model.safetensors runs/straight/model.safetensors || fail "$name: other weights"; }
before= kills=0
while [ "$kills" -lt 200 ]; do
  if [ -d runs/killed/checkpoints ]; then
    "$cnn" train --resume killed --quiet >"$said" 2>&1 &
  else
    rm -rf runs/killed
    "$cnn" train net.toml --run killed --quiet >"$said" 2>&1 &
  fi
  process=$!
  sleep "0.$(printf '%03d' $((RANDOM % 160 + 15)))"
  kill -9 "$process" 2>/dev/null || true
  code=0
  wait "$process" 2>/dev/null || code=$?
  if [ "$code" -eq 0 ]; then
    # It was through before it could be killed: on a fast machine the kills fill several runs.
    same
    rm -rf runs/killed
    before=
    continue
  fi
  [ "$code" -eq 137 ] || fail "$name: exit $code at kill $kills"
  kills=$((kills + 1))
  now=$(newest killed)
  [[ ! "$now" < "$before" ]] || fail "$name: $before was the newest checkpoint, $now is"
  before=$now
done
expect "$name" 0 "$cnn" train --resume killed --quiet
same
[ -z "$(find runs -name '.unfinished*')" ] || fail "$name: unfinished files are left"
pass "$name"

name="a full disk at the start and in mid-run ends with 5 and spares the last checkpoint"
mkdir disk
if mount -t tmpfs -o size=512k tmpfs disk 2>/dev/null; then
  disk=$work/disk
  ln -s "$work/data" disk/data
  cp net.toml disk/net.toml
  ( cd disk
    head -c 500k /dev/zero >ballast
    expect "$name" 5 "$cnn" train net.toml --run full --quiet
    says "$name" "No space left"
    rm -rf ballast runs
    expect "$name" 0 "$cnn" train net.toml --run full --quiet --epochs 2
    last=$(newest full)
    cat /dev/zero >ballast 2>/dev/null || true
    expect "$name" 5 "$cnn" train --resume full --quiet --epochs 400
    says "$name" "No space left"
    [ "$(newest full)" = "$last" ] || fail "$name: $last was the newest checkpoint"
    rm ballast
    expect "$name" 0 "$cnn" train --resume full --quiet --epochs 6 )
  umount "$disk"
  disk=
  pass "$name"
else
  skip "$name" "mounting is not allowed"
fi

name="a folder that cannot be written ends with 5"
if setpriv --reuid=65534 --regid=65534 --clear-groups true 2>/dev/null; then
  mkdir locked
  chmod 755 . locked
  cp net.toml locked
  ln -s ../data locked/data
  ( cd locked
    expect "$name" 5 setpriv --reuid=65534 --regid=65534 --clear-groups "$cnn" train net.toml --quiet ) ||
    exit 1
  pass "$name"
else
  skip "$name" "this user cannot become another"
fi

name="a picture of 50,000 x 50,000 in a few bytes is refused within 200 MB, turned by EXIF too"
mkdir -p huge/a huge/b
python3 - <<'PY'
import struct, zlib
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
head = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 50000, 50000, 8, 2, 0, 0, 0))
exif = b"MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"
data = chunk(b"IDAT", zlib.compress(b"\x00" * 100000)) + chunk(b"IEND", b"")
open("huge/a/plain.png", "wb").write(head + data)
open("huge/b/turned.png", "wb").write(head + chunk(b"eXIf", exif) + data)
PY
memory=$(peak "$cnn" train net.toml --data huge --quiet)
says "$name" "huge/a/plain.png"
says "$name" "huge/b/turned.png"
[ "$memory" -lt 204800 ] || fail "$name: $memory KiB"
pass "$name ($memory KiB)"

name="a config of 1 GB, and one 100,000 brackets deep, are refused"
truncate -s 1G large.toml
memory=$(peak "$cnn" inspect large.toml)
says "$name" "4194304 at most"
[ "$memory" -lt 102400 ] || fail "$name: $memory KiB"
python3 -c 'print("[model]\nlayers = " + "[" * 100000)' >deep.toml
expect "$name" 2 "$cnn" inspect deep.toml
pass "$name"

name="a model file that lies about its header is refused within 200 MB"
for header in 'struct.pack("<Q", 2**63)' \
  'struct.pack("<Q", 90) + b"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967295,4294967295],\"data_offsets\":[0,16]}}".ljust(90)' \
  'b"\x80\x04\x95pickle"' 'b"\x89HDF\r\n\x1a\n"'; do
  python3 -c "import struct; open('bad.safetensors', 'wb').write($header)"
  memory=$(peak "$cnn" predict data --model bad.safetensors)
  [ "$memory" -lt 204800 ] || fail "$name: $memory KiB"
  expect "$name" 4 "$cnn" predict data --model bad.safetensors
done
pass "$name"

name="a reader that goes away does not end a training"
"$cnn" train net.toml --run piped --json --epochs 3 2>"$said" | head -1 >/dev/null
expect "$name" 0 test -f runs/piped/model.safetensors
pass "$name"

name="twenty runs started together have folders of their own, all finished"
processes=()
for _ in $(seq 20); do
  "$cnn" train net.toml --set model.name=twenty --epochs 2 --threads 1 --quiet >/dev/null 2>&1 &
  processes+=($!)
done
for process in "${processes[@]}"; do wait "$process" || fail "$name: one ended with $?"; done
[ "$(ls -d runs/twenty-* | wc -l)" -eq 20 ] || fail "$name: $(ls -d runs/twenty-*)"
[ "$(grep -l '"status": "finished"' runs/twenty-*/run.json | wc -l)" -eq 20 ] || fail "$name: not all are finished"
pass "$name"

name="killed together, twenty runs leave no lock"
processes=()
: >"$said"
for number in $(seq 20); do
  "$cnn" train net.toml --run "locked-$number" --threads 1 --epochs 100000 --quiet >>"$said" 2>&1 &
  processes+=($!)
done
for number in $(seq 20); do wait_for "${processes[number - 1]}" has_checkpoint "locked-$number"; done
expect "$name" 7 "$cnn" train --resume locked-7
says "$name" "is in use by another process"
kill -9 "${processes[@]}"
wait "${processes[@]}" 2>/dev/null || true
for number in $(seq 20); do expect "$name" 0 "$cnn" runs rm "locked-$number"; done
pass "$name"

name="commands that only read write nothing, in a folder where no one may write"
if setpriv --reuid=65534 --regid=65534 --clear-groups true 2>/dev/null; then
  # Given beside the folder: this user may read all of it.
  chmod -R a+rX . && mkdir -p reading/runs
  cp -r runs/straight reading/runs/one
  cp net.toml reading && cp -r data reading
  python3 -c 'import struct, zlib
def chunk(kind, data): return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
open("reading/a.png", "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)) + chunk(b"IDAT", zlib.compress((b"\0" + b"\7" * 8) * 8)) + chunk(b"IEND", b""))'
  chmod -R a-w reading && chmod -R a+rX reading
  ( cd reading
    before=$(find . -printf '%p %s %T@\n' | sort)
    for command in "inspect net.toml" "eval one" "predict a.png" "runs list" "runs show one" "runs compare one one" \
      "data list" "data check data" "data stats net.toml" "filter --list" "new --list" "schema" \
      "bench net.toml --seconds 0.1"; do
      expect "$name" 0 setpriv --reuid=65534 --regid=65534 --clear-groups env -u HOME "$cnn" $command
    done
    for command in "runs report one" "train --resume one --epochs 999" "show one filters" "new mine" \
      "export one --format onnx" "sweep net.toml --set train.seed=1,2" "crossval net.toml"; do
      expect "$name" 5 setpriv --reuid=65534 --regid=65534 --clear-groups "$cnn" $command
      says "$name" "help: "
    done
    [ "$before" = "$(find . -printf '%p %s %T@\n' | sort)" ] || fail "$name: something has changed" ) || exit 1
  chmod -R u+w reading
  pass "$name"
else
  skip "$name" "this user cannot become another"
fi

name="what cannot be is refused in 100 ms"
python3 - <<'PY'
plain = open("net.toml").read()
open("units.toml", "w").write(plain.replace("units = 2", "units = 9223372036854775807"))
open("kernel.toml", "w").write(plain.replace("kernel_size = 3", "kernel_size = 9"))
open("batch.toml", "w").write(plain.replace("batch_size = 8", "batch_size = 0"))
layers = '{ type = "block", use = "a", repeat = 1000 },'
blocks = '[blocks.a]\nlayers = [{ type = "block", use = "b", repeat = 1000 }]\n[blocks.b]\nlayers = [{ type = "flatten" }]\n'
open("million.toml", "w").write(plain.replace("layers = [", "layers = [" + layers, 1).replace("[data]", blocks + "[data]"))
PY
for config in units kernel batch million; do
  expect "$name" 2 "$cnn" train "$config.toml"
  grep -q '^error: ' "$said" || fail "$name: $config says nothing"
  # The quickest of twenty: the machine may be busy with something else.
  quickest=$(python3 - "$cnn" "$config.toml" <<'PY'
import subprocess, sys, time
def once():
    begin = time.monotonic()
    subprocess.run([sys.argv[1], "train", sys.argv[2]], capture_output=True)
    return int((time.monotonic() - begin) * 1000)
print(min(once() for _ in range(20)))
PY
)
  [ "$quickest" -lt 100 ] || fail "$name: $config takes $quickest ms"
done
pass "$name"

name="an archive writes nothing outside, and nothing of it is unpacked"
python3 - <<'PY'
import io, tarfile
def tar(name, entries):
    with tarfile.open(name, "w:gz") as archive:
        for path, kind, link in entries:
            entry = tarfile.TarInfo(path)
            entry.type, entry.linkname = kind, link
            data = b"x" if kind == tarfile.REGTYPE else b""
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
file, link = tarfile.REGTYPE, tarfile.SYMTYPE
tar("up.tar.gz", [("a/1.png", file, ""), ("../evil", file, "")])
tar("root.tar.gz", [("a/1.png", file, ""), ("/tmp/cnn-evil", file, "")])
tar("link.tar.gz", [("a/out", link, "/tmp"), ("a/out/cnn-evil", file, ""), ("b/1.png", file, "")])
tar("hard.tar.gz", [("a/1.png", tarfile.LNKTYPE, "/etc/passwd"), ("b/1.png", file, "")])
PY
mkdir -p unpacked && before=$(ls -A . ..)
for archive in up root link hard; do
  expect "$name" 3 env TMPDIR="$work/unpacked" "$cnn" train net.toml --data "$archive.tar.gz"
  says "$name" "$archive.tar.gz"
done
[ ! -e /tmp/cnn-evil ] && [ "$before" = "$(ls -A . ..)" ] && [ -z "$(ls -A unpacked)" ] || fail "$name: something was written"
pass "$name"

name="a service gives up on what does not come, after the seconds it names"
"$cnn" serve straight --port 0 >address 2>"$said" &
process=$!
wait_for "$process" test -s address
python3 - "$(sed 's|http://||; s|/||' address)" >"$said" 2>&1 <<'PY' || fail "$name"
import json, select, socket, sys, threading
host, port = sys.argv[1].split(":")
def connect():
    return socket.create_connection((host, int(port)), timeout=60)
def read(connection):
    data = b""
    while part := connection.recv(65536):
        data += part
    return data
HEAD = f"POST /predict HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n"
outcomes = {}
# A body that stops, a head that stops, and so many bodies at once that there is no room for more.
def body():
    with connect() as connection:
        connection.sendall((HEAD + "Content-Length: 500\r\n\r\nhalf").encode())
        outcomes["body"] = read(connection)
def head():
    with connect() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHo")
        outcomes["head"] = read(connection)
threads = [threading.Thread(target=work) for work in (body, head)]
for thread in threads: thread.start()
held, refused = [connect() for _ in range(18)], 0
for connection in held:
    connection.sendall((HEAD + f"Content-Length: {16 << 20}\r\n\r\n").encode())
    try:
        connection.sendall(b"x" * ((16 << 20) - 1))
    except OSError:
        pass
# Whoever found no room is answered before the last byte is sent.
waiting = list(held)
while answered := select.select(waiting, [], [], 3)[0]:
    for connection in answered:
        answer = connection.recv(65536)
        assert answer.startswith(b"HTTP/1.1 503"), answer
        refused += 1
        waiting.remove(connection)
for connection in held: connection.close()
for thread in threads: thread.join()
answer = outcomes["body"]
assert answer.startswith(b"HTTP/1.1 408"), answer
assert "did not come within 20 s" in json.loads(answer.split(b"\r\n\r\n", 1)[1])["error"], answer
assert not outcomes["head"].startswith(b"HTTP/1.1 200"), outcomes["head"]
assert 0 < refused < 6, refused
with connect() as connection:
    connection.sendall(f"GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert b'"ok"' in read(connection)
PY
kill -TERM "$process"
code=0; wait "$process" || code=$?
[ "$code" -eq 143 ] || fail "$name: exit $code"
pass "$name"

echo "all faults survived in $((SECONDS - begin)) s, $skipped skipped"

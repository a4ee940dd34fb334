#!/bin/sh
# Builds bpf/build/*.bpf.o. Run by infra/setup; running it again does nothing unless a source changed.
set -eu
cd "$(dirname "$0")"

for tool in clang llvm-strip llvm-objdump bpftool; do
  command -v "$tool" >/dev/null || { echo "bpf/build.sh: $tool is missing; run: apt-get install clang llvm bpftool" >&2; exit 1; }
done
[ -e /sys/kernel/btf/vmlinux ] || { echo "bpf/build.sh: /sys/kernel/btf/vmlinux is missing; a kernel with CONFIG_DEBUG_INFO_BTF=y is needed" >&2; exit 1; }

mkdir -p build
# The running kernel's types; CO-RE relocates them where the object is loaded.
if [ ! -s build/vmlinux.h ]; then
  bpftool btf dump file /sys/kernel/btf/vmlinux format c > build/vmlinux.h.new
  mv build/vmlinux.h.new build/vmlinux.h
fi

case "$(uname -m)" in
  x86_64) arch=x86 ;;
  aarch64) arch=arm64 ;;
  *) arch=$(uname -m) ;;
esac

stamp=$(cat ./*.h ./*.bpf.c build.sh build/vmlinux.h | sha256sum)

compile() { # SOURCE OBJECT FLAG...
  source=$1 object=build/$2.bpf.o
  shift 2
  if [ -s "$object" ] && [ "$(cat "$object.stamp" 2>/dev/null)" = "$stamp" ]; then
    return
  fi
  echo "bpf: compiling $(basename "$object")" >&2
  clang -g -O2 -Wall -Wextra -Werror -Wno-unused-parameter -target bpf "$@" "-D__TARGET_ARCH_$arch" \
    -I build -I . -c "$source" -o "$object.new"
  llvm-strip -g "$object.new"
  mv "$object.new" "$object"
  printf '%s\n' "$stamp" > "$object.stamp"
}

# v3 for atomic exchange and fetch: x86-64 from Linux 5.12, arm64 from 5.18.
compile probe.bpf.c probe -mcpu=v3
compile flow.bpf.c flow -mcpu=v3
# v3 for comparisons of 32 bits, which those kernels know; of atomics they know addition only.
compile flow.bpf.c flow-before-5.12 -mcpu=v3 -DWEIR_BEFORE_5_12
if llvm-objdump -d build/flow-before-5.12.bpf.o | grep -qE 'xchg|fetch'; then
  echo "bpf/build.sh: flow-before-5.12.bpf.o has an atomic operation that Linux before 5.12 does not know" >&2
  exit 1
fi

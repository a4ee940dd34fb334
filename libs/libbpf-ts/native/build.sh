#!/bin/sh
# Builds build/libbpf.node, and the BPF programs of the tests. Does nothing where the output is
# newer than its sources. Needs gcc and libbpf-dev; clang and bpftool for the tests' programs.
set -eu
cd "$(dirname "$0")/.."
build=build
mkdir -p "$build"

# newer OUTPUT SOURCE...: true when OUTPUT is there and no SOURCE is newer
newer() {
	output=$1
	shift
	[ -e "$output" ] && [ -z "$(find "$@" -newer "$output" | head -n 1)" ]
}

# The headers are an npm package; where the workspace's root has it depends on npm.
headers=
for candidate in node_modules ../../node_modules; do
	[ -e "$candidate/node-api-headers/include/node_api.h" ] && headers=$candidate/node-api-headers/include
done
[ -n "$headers" ] || {
	echo "libbpf-ts: node-api-headers is not installed: run npm install first" >&2
	exit 1
}

if ! newer "$build/libbpf.node" native/*.c native/*.h native/build.sh; then
	gcc -std=gnu11 -O2 -g -fPIC -fvisibility=hidden -Wall -Wextra -shared \
		-I "$headers" -o "$build/libbpf.node.$$" native/*.c -lbpf
	mv "$build/libbpf.node.$$" "$build/libbpf.node"
fi

[ -d test ] || exit 0
command -v clang >/dev/null && command -v bpftool >/dev/null || {
	echo "libbpf-ts: no clang or no bpftool: the tests' programs are not built" >&2
	exit 0
}
newer "$build/vmlinux.h" native/build.sh || {
	bpftool btf dump file /sys/kernel/btf/vmlinux format c >"$build/vmlinux.h.$$"
	mv "$build/vmlinux.h.$$" "$build/vmlinux.h"
}
case $(uname -m) in
aarch64) arch=arm64 ;;
*) arch=x86 ;;
esac
for source in test/*.bpf.c; do
	object=$build/$(basename "$source" .c).o
	newer "$object" "$source" native/build.sh && continue
	clang -target bpf -g -O2 -Wall -D__TARGET_ARCH_$arch -I "$build" -c "$source" -o "$object.$$"
	mv "$object.$$" "$object"
done

# Sourced by setup: the steps, what each depends on, and how it is done.

node24=$root/node_modules/node/bin/node

modules_digest() {
	digest package.json package-lock.json .npmrc libs/*/package.json apps/*/package.json \
		infra/*/package.json tests/*/package.json
}

# What runs on this kernel is built on it: vmlinux.h comes from its BTF.
kernel_objects_digest() {
	echo "$(digest bpf) $(uname -r)"
}

binding_digest() {
	digest libs/libbpf-ts/native libs/libbpf-ts/test
}

kafka_digest() {
	digest infra/kafka
}

plan() {
	known=5
	planned=
	[ -z "$packages" ] || planned="$planned packages"
	modules=$(modules_digest)
	{ is_fresh modules "$modules" && [ -x "$node24" ]; } || planned="$planned modules"
	awk '$3 == "bpf" { found = 1 } END { exit !found }' /proc/mounts || planned="$planned bpffs"
	objects=$(kernel_objects_digest)
	{ is_fresh objects "$objects" && ls bpf/build/*.o >/dev/null 2>&1; } || planned="$planned objects"
	binding=$(binding_digest)
	{ is_fresh binding "$binding" && find libs/libbpf-ts -name '*.node' -path '*build*' | grep -q .; } ||
		planned="$planned binding"
	[ "$with_tests" = no ] && return 0
	known=6
	kafka=$(kafka_digest)
	{ is_fresh kafka "$kafka" && find infra/kafka -name '*.jar' | grep -q .; } || planned="$planned kafka"
}

do_packages() {
	step "Debian packages" "$(echo $packages) (compiler, loader and network tools for eBPF)" install_packages
}

install_packages() {
	export DEBIAN_FRONTEND=noninteractive
	# Lists older than a day, or none as in a fresh image, name packages that are gone.
	find /var/lib/apt/lists -name '*_Packages*' -mtime -1 2>/dev/null | grep -q . ||
		apt-get -o DPkg::Lock::Timeout=120 update
	apt_install || { apt-get -o DPkg::Lock::Timeout=120 update && apt_install; }
}

apt_install() {
	# shellcheck disable=SC2086 # a list
	apt-get -o DPkg::Lock::Timeout=120 install -y -q --no-install-recommends $packages
}

do_modules() {
	step "npm packages" "weir's libraries, and the Node 24 it runs on" install_modules
	stamp modules "$modules"
}

install_modules() {
	# Not `npm ci`: it empties node_modules under a weir that runs, and it fails where a registry lacks
	# an optional package of another platform. The versions are those of the lock file all the same.
	npm install --no-save --include=dev --no-progress --loglevel=error || return
	# Where npm does not run the packages' install scripts, Node's binary is still missing.
	[ -x "$node24" ] || (cd node_modules/node && node installArchSpecificPackage.js) || return
	"$node24" --version
}

do_bpffs() {
	step "BPF file system" "mounted at /sys/fs/bpf, keeps programs and maps while no collector runs" \
		mount -t bpf bpf /sys/fs/bpf
}

do_objects() {
	step "eBPF programs" "compiled from bpf/ against this kernel's types" sh bpf/build.sh
	stamp objects "$objects"
}

do_binding() {
	step "native binding" "libs/libbpf-ts, between Node and the kernel" sh libs/libbpf-ts/native/build.sh
	stamp binding "$binding"
}

do_kafka() {
	step "Kafka broker" "from Maven Central, for the tests of the bus" sh infra/kafka/fetch.sh
	stamp kafka "$kafka"
}

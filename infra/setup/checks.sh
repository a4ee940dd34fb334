# Sourced by setup: looks whether this machine can run weir, before anything is changed.

# package:what it brings. What is looked for is the thing, not the package, so that a machine that
# has it from elsewhere needs no apt.
needed_packages='clang:clang llvm:llvm-strip gcc:gcc libc6-dev:/usr/include/stdio.h
	linux-libc-dev:/usr/include/linux/bpf.h libbpf-dev:/usr/include/bpf/libbpf.h bpftool:bpftool
	libelf-dev:/usr/include/libelf.h zlib1g-dev:/usr/include/zlib.h iproute2:ip
	util-linux:nsenter mount:mount hostname:hostname'
test_packages='iputils-ping:ping default-jre-headless:java maven:mvn zsh:zsh fish:fish'

# The machine's Node only runs npm; what weir runs on is Node 24 from npm.
least_node=20
least_free_mib=2048

has() {
	case $1 in
	/*) [ -e "$1" ] ;;
	*) command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ] || [ -x "/sbin/$1" ] ;;
	esac
}

missing_packages() {
	wanted=$needed_packages
	[ "$with_tests" = yes ] && wanted="$wanted $test_packages"
	for pair in $wanted; do
		has "${pair#*:}" || printf '%s ' "${pair%%:*}"
	done
}

check_machine() {
	[ "$(uname -s)" = Linux ] ||
		give_up "weir works on the Linux kernel, this is $(uname -s)." \
			"Use a Linux machine or virtual machine, for example Debian 12."
	[ "$(id -u)" = 0 ] ||
		give_up "it needs root: for eBPF programs, network namespaces and Debian packages." \
			"Run:  sudo npm start"
	case $(uname -m) in
	x86_64 | aarch64) ;;
	*) give_up "it runs on x86_64 and aarch64, this is $(uname -m)." ;;
	esac
	[ -r /sys/kernel/btf/vmlinux ] ||
		give_up "the kernel ($(uname -r)) does not describe its types: /sys/kernel/btf/vmlinux is missing." \
			"weir's eBPF programs adapt to the kernel by it. Debian's kernels have it since 11:" \
			"  apt-get install linux-image-amd64 && reboot"
	grep -qw bpf /proc/filesystems ||
		give_up "the kernel ($(uname -r)) has no BPF file system; it needs CONFIG_BPF_SYSCALL=y." \
			"  apt-get install linux-image-amd64 && reboot"
	check_node
	check_packages
	check_disk
}

check_node() {
	how="Debian:  apt-get install nodejs npm   (where that is older than $least_node: https://nodejs.org/en/download)"
	has node || give_up "Node $least_node or later is missing (weir brings its own Node 24 through npm)." "$how"
	has npm || give_up "npm is missing." "$how"
	node_version=$(node -p 'process.versions.node')
	[ "${node_version%%.*}" -ge "$least_node" ] ||
		give_up "Node is $node_version, npm needs $least_node or later." "$how"
}

check_packages() {
	packages=$(missing_packages)
	[ -z "$packages" ] || has apt-get ||
		give_up "these are missing, and there is no apt-get to install them: $packages" \
			"Install your distribution's packages of that purpose, then run this again."
}

check_disk() {
	[ -d node_modules ] && return 0
	free_mib=$(($(df -Pk "$root" | awk 'NR == 2 { print $4 }') / 1024))
	[ "$free_mib" -ge "$least_free_mib" ] ||
		give_up "$root has $free_mib MiB free, the installation takes up to $least_free_mib MiB." \
			"Make room, or clone weir somewhere else."
}

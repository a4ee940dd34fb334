/**
 * What the machine's first process does: joins the shared files, read-only, puts what has to be
 * written to into memory, and runs the command.
 */
export function initScript(modules: string, command: string): string {
  const quoted = `'${command.replaceAll("'", String.raw`'\''`)}'`;
  return `#!/bin/busybox sh
b=/bin/busybox
h=/host
$b mount -t proc proc /proc
for module in /modules/*; do [ -e "$module" ] && $b insmod "$module"; done
$b mount -t virtiofs -o ro host $h
$b mount -t proc proc $h/proc
$b mount -t sysfs sysfs $h/sys
$b mount -t bpf bpf $h/sys/fs/bpf
$b mount -t cgroup2 cgroup2 $h/sys/fs/cgroup
$b mount -t tmpfs tmpfs $h/tmp
$b mount -t tmpfs tmpfs $h/run
$b mount -t devtmpfs devtmpfs $h/dev
$b mkdir -p $h/dev/shm $h/run/netns
$b mount -t tmpfs tmpfs $h/dev/shm
$b mount --bind "$h${modules}" $h/lib/modules
$b ifconfig lo up
$b chroot $h /bin/sh -c ${quoted}
echo "weir-exit $?"
$b poweroff -f
`;
}

# Times ifupdown2's `ifreload -a` on N networks and prints lines "PHASE NANOSECONDS".
# Runs as root in a network and a mount namespace of its own, so that the host's
# configuration and links are never touched.
#   ROOT N MTU CHANGED_MTU CHANGED_NETWORK LOCAL "FAR_END..."
set -eu
root=$1 n=$2 mtu=$3 changed_mtu=$4 changed=$5 local_end=$6 far_ends=$7

# provide DIR: make a mount point that the host may lack, without touching the
# host's tree: its parent is covered by a tmpfs with everything bound into it.
provide() {
	if [ -d "$1" ]; then return; fi
	local parent keep entry here
	parent=$(dirname "$1")
	keep=$(mktemp -d)
	mount --bind "$parent" "$keep"
	mount -t tmpfs tmpfs "$parent"
	for entry in "$keep"/*; do
		here=$parent/${entry##*/}
		if [ -L "$entry" ]; then
			cp -a "$entry" "$here"
		elif [ -d "$entry" ]; then
			mkdir "$here" && mount --bind "$entry" "$here"
		else
			: >"$here" && mount --bind "$entry" "$here"
		fi
	done
	umount -l "$keep"
	rmdir "$keep"
	mkdir "$1"
}

# The unpacked package, and empty folders for whatever it reads and writes.
provide /usr/share/ifupdown2
mount --bind "$root/usr/share/ifupdown2" /usr/share/ifupdown2
provide /etc/network
for dir in /etc/network /var/lib /var/log /var/tmp /run; do mount -t tmpfs tmpfs "$dir"; done
ln -s /usr/share/ifupdown2/__main__.py /run/ifreload # it goes by its name
mount -t sysfs sysfs /sys # shows the links of the namespace it is mounted in
mkdir -p /run/network /var/lib/ifupdown2 /var/log/ifupdown2
mkdir -p /etc/network/interfaces.d /etc/network/ifupdown2
cp -r "$root/etc/network/ifupdown2/." /etc/network/ifupdown2/
mkdir -p /etc/network/ifupdown2/policy.d

ip link set lo up
cat >/etc/network/interfaces <<-EOT
	auto lo
	iface lo inet loopback
	source /etc/network/interfaces.d/*
EOT

# generate COUNT MTU_OF_CHANGED: the file that declares the networks.
generate() {
	local i m end
	for ((i = 1; i <= $1; i++)); do
		m=$mtu
		if ((i == changed)); then m=$2; fi
		printf 'auto vn%d\niface vn%d\n\taddress 10.%d.%d.1/24\n\tbridge_ports vx_vn%d\n\tbridge_stp off\n\tbridge_fd 0\n\tmtu %d\n\n' \
			$i $i $((i >> 8)) $((i & 255)) $i "$m"
		printf 'auto vx_vn%d\niface vx_vn%d\n\tvxlan-id %d\n\tvxlan-local-tunnelip %s\n' $i $i $((10000 + i)) "$local_end"
		for end in $far_ends; do printf '\tvxlan_remoteip %s\n' "$end"; done
		printf '\tmtu %d\n\n' "$m"
	done >/etc/network/interfaces.d/sdn
}

# count KIND: how many links of the kind there are.
count() { ip -o link show type "$1" | wc -l; }

# phase NAME COUNT MTU_OF_CHANGED: apply, time, and check that it was done.
phase() {
	generate "$2" "$3"
	local start end
	start=$(date +%s%N)
	python3 /run/ifreload -a </dev/null >&2 || true # warns by its status
	end=$(date +%s%N)
	if [ "$(count bridge)" != "$2" ] || [ "$(count vxlan)" != "$2" ]; then
		echo "$1: $(count bridge) bridges and $(count vxlan) VXLAN devices instead of $2" >&2
		exit 1
	fi
	echo "$1 $((end - start))"
}

phase cold "$n" "$mtu"
phase noop "$n" "$mtu"
phase add1 $((n + 1)) "$mtu"
phase change1 $((n + 1)) "$changed_mtu"
phase remove1 "$n" "$changed_mtu"
phase teardown 0 "$mtu"
# Nothing may be left for the kernel to delete while the next run is timed.
ip link del group 0 2>/dev/null || true

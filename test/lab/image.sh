# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# image.sh - the lab's kernels and its root file system, made of Debian's packages and kept.
# Sourced by bash.
#
# Both are kept outside of the tree, named after what they are made of: a kernel after the
# digest of its package, the root after its packages and what makes it. An entry is made
# under another name and renamed when it is whole.

LAB_PACKAGES=systemd,systemd-sysv,dbus,dbus-user-session,libpam-systemd,uidmap,procps
# Modules that the lab needs where the kernel has them not built in, in the order of loading.
LAB_MODULES="virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci
	virtio_blk overlay crc32c_generic libcrc32c nfnetlink nf_tables nf_defrag_ipv4
	nf_defrag_ipv6 nf_tproxy_ipv4 nf_tproxy_ipv6 nft_tproxy veth irqbypass kvm ccp kvm-amd"

# Where they are kept: the first of these that can be written.
lab_cache() {
	local dir
	for dir in "${BRIG_LAB_CACHE:-}" /var/cache/brig-lab \
		"${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/brig-lab"; do
		[ -n "$dir" ] && mkdir -p "$dir" 2>/dev/null && [ -w "$dir" ] && {
			echo "$dir"
			return
		}
	done
	return 1
}

# lab_used CACHE ENTRY: keeps it, and forgets what nobody used.
lab_used() {
	touch "$2"
	find "$1" -mindepth 1 -maxdepth 1 -mtime +30 -exec rm -rf --one-file-system {} +
}

# The package that a meta package stands for: linux-image-cloud-amd64 -> linux-image-6.1.0-...
kernel_package() {
	apt-cache depends "$1" 2>/dev/null | awk '$1 == "Depends:" && /linux-image-[0-9]/ {
		print $2; exit }'
}

# kernel_get CACHE PACKAGE: prints the folder with 'vmlinuz', 'version' and 'modules/'.
# A package that apt no longer offers is taken from what is kept.
kernel_get() {
	local cache=$1 package=$2 word dir new
	word=$(cd "$cache" && apt-get download --print-uris "$package" 2>/dev/null |
		grep -o 'SHA256:[0-9a-f]*' | cut -c8-23)
	if [ -z "$word" ]; then
		dir=$(readlink -e "$cache/last-$package") && echo "$dir"
		return
	fi
	# with other modules it is another one
	dir=$cache/kernel-$word-$(echo "$LAB_MODULES" | cksum | cut -d" " -f1)
	if ! [ -d "$dir" ]; then
		new=$(mktemp -d "$cache/new.XXXXXX") || return 1
		chmod 755 "$new" && kernel_unpack "$new" "$package" && mv -T "$new" "$dir" || {
			rm -rf "$new"
			return 1
		}
	fi
	ln -sfnr "$dir" "$cache/last-$package"
	lab_used "$cache" "$dir"
	echo "$dir"
}

kernel_unpack() {
	local new=$1 package=$2 name file
	(cd "$new" && apt-get download -qq -o APT::Sandbox::User=root "$package" >&2) &&
		dpkg-deb -x "$new"/*.deb "$new/all" || return 1
	rm "$new"/*.deb
	mv "$new"/all/boot/vmlinuz-* "$new/vmlinuz" || return 1
	basename "$new"/all/boot/config-* | sed 's/^config-//' >"$new/version"
	mkdir "$new/modules"
	for name in $LAB_MODULES; do
		file=$(find "$new/all" -name "$name.ko*" | head -n 1)
		case $file in
		*.xz) xz -dc "$file" >"$new/modules/$name.ko" ;;
		*.zst) zstd -qdc "$file" >"$new/modules/$name.ko" ;;
		*.ko) cp "$file" "$new/modules/$name.ko" ;;
		esac || return 1
	done
	rm -rf "$new/all"
}

# The packages of the libraries that programs were linked with.
library_packages() {
	local file
	for file in $(ldd "$@" 2>/dev/null | awk '$3 ~ /^\// { print $3 }' | sort -u); do
		dpkg -S "$file" 2>/dev/null || dpkg -S "/usr$file" 2>/dev/null ||
			dpkg -S "${file#/usr}" 2>/dev/null
	done | cut -d: -f1 | sort -u | paste -sd,
}

# root_get CACHE PROGRAM...: prints the name of an ext4 image in which the programs run.
root_get() {
	local cache=$1 suite packages word image new
	shift
	suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	packages=$LAB_PACKAGES,$(library_packages "$@")
	word=$( (echo "$suite $packages"; declare -f root_make) | sha256sum | cut -c1-16)
	image=$cache/root-$word.ext4
	if ! [ -f "$image" ]; then
		[ "$(id -u)" = 0 ] || {
			echo "the root image has to be made by root once" >&2
			return 1
		}
		new=$(mktemp -d "$cache/new.XXXXXX") || return 1
		root_make "$new" "$suite" "$packages" >"$cache/root.log" 2>&1 &&
			mv "$new/image" "$image" || {
			tail -n 5 "$cache/root.log" >&2
			rm -rf --one-file-system "$new"
			return 1
		}
		rm -rf --one-file-system "$new"
	fi
	lab_used "$cache" "$image"
	echo "$image"
}

root_make() {
	local new=$1 suite=$2 packages=$3 root=$1/root mirror user
	mirror=$(apt-get indextargets --format '$(REPO_URI)' "Suite: $suite" |
		head -n 1)
	debootstrap --variant=minbase --include="$packages" "$suite" "$root" \
		"${mirror:-http://deb.debian.org/debian}" || return 1
	rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* \
		"$root"/usr/share/{doc,man,locale,info}/*
	# one user as Debian makes them, who may stay logged in, and one without anything
	for user in sub:1001 nosub:1002; do
		chroot "$root" useradd -m -u "${user#*:}" -s /bin/bash "${user%:*}" || return 1
	done
	echo sub:100000:65536 | tee "$root/etc/subuid" >"$root/etc/subgid"
	mkdir -p "$root/var/lib/systemd/linger"
	touch "$root/var/lib/systemd/linger/sub"
	: >"$root/etc/fstab"
	echo lab >"$root/etc/hostname"
	# what only costs time at every start
	chroot "$root" systemctl mask --quiet getty@tty1.service serial-getty@ttyS0.service \
		apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
		e2scrub_reap.service fstrim.timer systemd-update-utmp.service \
		systemd-journal-flush.service systemd-random-seed.service \
		systemd-journal-catalog-update.service systemd-hwdb-update.service \
		systemd-pstore.service systemd-boot-system-token.service \
		systemd-udevd.service systemd-udev-trigger.service || return 1
	truncate -s 1G "$new/image" && mke2fs -q -t ext4 -d "$root" "$new/image"
}

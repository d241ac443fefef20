#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# deb.sh BUILD [TREE] - a Debian package, in BUILD, of what 'meson install' installs from there, whose
#	prefix is /usr, and of the kernels that were built (make kernel); or of an installed TREE.
#	Its path is the last line printed.
#
# No debhelper: dpkg-shlibdeps finds what it depends on, dpkg-deb packs. The same tree, at the
# same SOURCE_DATE_EPOCH, gives the same package. Anybody can run it.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
build=$(cd "$1" && pwd)
version=$(sed -n "s/^project([^)]*'c', version: '\([^']*\)'.*/\1/p" "$here/meson.build")
arch=$(dpkg --print-architecture)
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$here" log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH
maintainer=${DEBFULLNAME:-The brig authors}" <${DEBEMAIL:-brig@example.org}>"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 022
root=$work/root
mkdir "$root"
if [ -n "${2:-}" ]; then
	cp -RL "$2" "$root/usr"
else
	DESTDIR=$root meson install -C "$build" --no-rebuild --quiet
	"$here/scripts/install-kernels.sh" "$build" "$root/usr"
fi

# what the kernels are is named in doc/kernels.md
doc=$root/usr/share/doc/brig
mkdir -p "$doc" "$root/DEBIAN" "$root/usr/share/lintian/overrides"
cp "$here/README.md" "$doc/"
cat >"$doc/copyright" <<END
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: brig

Files: *
Copyright: 2026 The brig authors
License: Apache-2.0
 On Debian systems the text is in /usr/share/common-licenses/Apache-2.0.

Files: usr/libexec/brig/linux-*
Copyright: 1991-2026 Linus Torvalds and others
License: GPL-2.0-only
 The guests' kernels: Linux, from kernel.org, with the configurations and patches of the
 folder kernel/ of brig's source. On Debian systems the text is in
 /usr/share/common-licenses/GPL-2.
END
{
	printf 'brig (%s) unstable; urgency=medium\n\n  * This version.\n\n -- %s  %s\n' "$version" \
		"$maintainer" "$(date -uR -d "@$SOURCE_DATE_EPOCH")"
} | gzip -9n >"$doc/changelog.gz"
cat >"$root/usr/share/lintian/overrides/brig" <<END
# run in roots that hold no library, and as guests' kernels
brig: statically-linked-binary [usr/libexec/brig/*]
brig: unstripped-binary-or-object [usr/libexec/brig/linux-*]
brig: executable-stack-in-shared-library [usr/libexec/brig/linux-*]
brig: hardening-no-pie [usr/libexec/brig/*]
brig: shared-library-lacks-prerequisites [usr/libexec/brig/*]
brig: initial-upload-closes-no-bugs [usr/share/doc/brig/changelog.gz:1]
END

find "$root/usr/share/man" -type f -exec gzip -9n {} +
find "$root/usr" -type f -perm -100 ! -name 'linux-*' -exec sh -c '
	for file; do
		case $(head -c 4 "$file" | od -An -c) in *E*L*F*) strip --strip-unneeded "$file" ;; esac
	done' sh {} +

mkdir -p "$work/debian"
printf 'Source: brig\n\nPackage: brig\nArchitecture: any\n' >"$work/debian/control"
depends=$(cd "$work" && find "$root/usr/bin" "$root/usr/libexec" -type f -perm -100 ! -name 'linux-*' |
	while read -r file; do
		! readelf -d "$file" 2>/dev/null | grep -q NEEDED || echo "$file"
	done | xargs dpkg-shlibdeps -O --ignore-missing-info -e | sed -n 's/^shlibs:Depends=//p')
[ -n "$depends" ] || { echo "deb.sh: no dependencies were found" >&2 && exit 1; }
cat >"$root/DEBIAN/control" <<END
Package: brig
Version: $version
Section: admin
Priority: optional
Architecture: $arch
Maintainer: $maintainer
Installed-Size: $(du -sk --apparent-size "$root/usr" | cut -f 1)
Depends: $depends
Recommends: ca-certificates, git, uidmap
Description: sandboxes for AI agents and other programs one doesn't trust
 brig runs an agent so that the blast radius of a mistake, a hallucination or
 a prompt injection is one sandbox. It is one command without a daemon, and
 offers the range from chroot over containers to an application kernel and
 microVMs, with a network that is judged connection by connection, secrets
 that the sandbox never sees, and a workspace that can be brought back.
END
(cd "$root" && find usr -type f -print0 | sort -z | xargs -0 md5sum >DEBIAN/md5sums)
find "$root" -type d -exec chmod 755 {} +
find "$root" -exec touch -hd "@$SOURCE_DATE_EPOCH" {} +
out=$build/brig_${version}_$arch.deb
dpkg-deb --root-owner-group -Zxz -b "$root" "$out" >/dev/null
echo "$out"

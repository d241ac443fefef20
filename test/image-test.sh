#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# image-test.sh - images from registries, layouts and archives made by other people's tools.
#
# BRIG_IMAGE is the program under test. Needs docker-registry, skopeo, umoci, jq, python3, curl,
# busybox-static. Runs as root and as an ordinary user; ports are on loopback and picked free.
HERE=$(cd "$(dirname "$0")" && pwd)
. "$HERE/image-lib.sh"

BRIG_IMAGE=${BRIG_IMAGE:-brig-image}
T=$(mktemp -d "${TMPDIR:-/tmp}/brig-image-test.XXXXXX")
chmod 755 "$T"
trap finish EXIT
export BRIG_HOME=$T/home HOME=$T
export LC_ALL=C.UTF-8
unset REGISTRY_AUTH_FILE XDG_RUNTIME_DIR XDG_CONFIG_HOME DOCKER_CONFIG http_proxy https_proxy
cd "$T" || exit 1

for tool in docker-registry skopeo umoci jq python3 curl htpasswd "$BRIG_IMAGE"; do
	command -v "$tool" >/dev/null || {
		skip "images" "$tool is not installed"
		exit 0
	}
done
rootless=
[ "$(id -u)" = 0 ] || rootless=--rootless

store=$BRIG_HOME/data/store
pull() { "$BRIG_IMAGE" pull --quiet "$@"; }
import() { "$BRIG_IMAGE" import --quiet "$@"; }
fresh() { BRIG_HOME=$T/home$((RANDOM * 32768 + RANDOM)) && store=$BRIG_HOME/data/store; }
nothing_in_tmp() { [ -z "$(ls -A "$store/tmp")" ] || { ls -A "$store/tmp"; return 1; }; }

die() {
	failed=$((failed + 1))
	echo "not ok $((number + 1)) $1"
	exit 1
}

# fails PATTERN COMMAND...: it exits with 1 and its message matches.
fails() {
	local pattern=$1 out rc
	shift
	out=$("$@" 2>&1)
	rc=$?
	[ $rc = 1 ] && grep -qE -- "$pattern" <<<"$out" && return 0
	echo "status $rc, wanted 1 and /$pattern/: $out"
	return 1
}

# --- images, by umoci and skopeo -----------------------------------------------------------

make_images() {
	set -e
	umoci init --layout lay
	umoci new --image lay:base
	umoci unpack $rootless --image lay:base bundle
	mkdir -p bundle/rootfs/{bin,etc,tmp,usr/lib,home/u,old/deep,opaque}
	cp /bin/busybox bundle/rootfs/bin/busybox
	ln bundle/rootfs/bin/busybox bundle/rootfs/bin/sh
	ln -s busybox bundle/rootfs/bin/ls
	ln -s usr/lib bundle/rootfs/lib
	chmod 4755 bundle/rootfs/bin/busybox
	chmod 1777 bundle/rootfs/tmp
	head -c 300000 /dev/urandom >bundle/rootfs/usr/lib/random
	echo base >bundle/rootfs/etc/base
	echo gone >bundle/rootfs/etc/gone
	touch bundle/rootfs/old/deep/file bundle/rootfs/opaque/hidden
	echo äöü >"bundle/rootfs/etc/ünïcode"
	setfattr -n user.mark -v yes bundle/rootfs/etc/base
	umoci repack --image lay:base bundle
	rm -rf bundle
	umoci unpack $rootless --image lay:base bundle
	rm -r bundle/rootfs/etc/gone bundle/rootfs/old
	rm -r bundle/rootfs/opaque && mkdir bundle/rootfs/opaque && echo x >bundle/rootfs/opaque/new
	echo changed >bundle/rootfs/etc/base
	umoci repack --image lay:two bundle
	umoci config --image lay:two --config.cmd /bin/sh --config.env A=b \
		--config.workingdir /home/u --config.user 1000:1000 --config.label k=v
	umoci tag --image lay:two three
	rm -rf bundle
	umoci unpack $rootless --image lay:two bundle
	skopeo --insecure-policy copy -q oci:lay:two docker-archive:save.tar:test/two:1
	skopeo --insecure-policy copy -q oci:lay:two oci-archive:layout.tar:two
	set +e
}
(make_images) >make.log 2>&1 || {
	sed 's/^/# /' make.log
	die "images are made by umoci and skopeo"
}

# The files of an image as overlayfs shows them are those umoci unpacks.
same_as_umoci() {
	local lower digest=$1 show
	lower=$(store_layers "$digest" | tac | paste -sd:)
	mkdir -p merged
	show='find . ! -path . -printf "%P %y %m %s %n %l\n" | grep -v " d " ; find . -type d -printf "%P %m\n"'
	run_mount "mount -t overlay overlay -o userxattr,lowerdir=$lower,ro merged && cd merged && { $show; }" |
		sort >got.list
	(cd bundle/rootfs && eval "$show") | sort >want.list
	[ -s got.list ] && diff want.list got.list
}
run_mount() {
	if [ "$(id -u)" = 0 ]; then
		unshare -m sh -c "$1"
	else
		# with one id alone for a user without subordinate ones
		# shellcheck disable=SC2046 # a word or none
		unshare -Urm $(grep -q "^$(id -un):" /etc/subuid && echo --map-auto) sh -c "$1"
	fi
}

# --- a plain registry ----------------------------------------------------------------------

start_registry plain
R=127.0.0.1:$plain
push lay:two "$R/t/two:1" && push lay:base "$R/t/base:1" || die "images are pushed"
digest=$(skopeo inspect --tls-verify=false --raw "docker://$R/t/two:1" | sha256sum | cut -d' ' -f1)

pull_gives_digest() { [ "$(pull "$R/t/two:1")" = "sha256:$digest" ]; }
check "a pull prints the manifest's digest" pull_gives_digest
check "nothing is left in tmp" nothing_in_tmp
check "overlayfs shows the files that umoci unpacks" same_as_umoci "sha256:$digest"
record=$store/images/sha256-$digest.json
config_is_there() {
	jq -e '.cmd == ["/bin/sh"] and (.env | contains(["A=b"])) and .workdir == "/home/u" and
		.user == "1000:1000" and .labels == ["k=v"] and .architecture == "amd64"' "$record"
}
check "the record tells how to start it" config_is_there
bottom=$(store_layers "sha256:$digest" | head -1)
check "extended attributes are kept" [ "$(getfattr --absolute-names --only-values -n user.mark "$bottom/etc/base")" = yes ]
check "hard links are kept" [ "$bottom/bin/sh" -ef "$bottom/bin/busybox" ]
check "names beyond ASCII are kept" [ -f "$bottom/etc/ünïcode" ]
check "every blob has the digest of its name" \
	bash -c "cd $store/blobs/sha256 && for f in *; do echo \"\$f  \$f\"; done | sha256sum -c --quiet"
inode=$(stat -c %i "$bottom/bin/busybox")
pull_base() { pull "$R/t/base:1" && [ "$(stat -c %i "$bottom/bin/busybox")" = "$inode" ]; }
check "a layer is unpacked once for two images" pull_base
check "and its blob is kept once" [ "$(ls "$store"/layers/* | wc -l)" = 2 ]
check "pull again is quick and changes nothing" pull_gives_digest
check "a digest pins the image" bash -c "[ \"\$($BRIG_IMAGE pull -q $R/t/two@sha256:$digest)\" = sha256:$digest ]"
check "an unknown tag is an error that says so" fails '404|unknown' pull "$R/t/two:none"
check "an unknown repository is an error" fails '404|unknown' pull "$R/t/none"
check "a registry that isn't there is an error" fails "refused|connect" pull "127.0.0.1:1/x"
check "plain progress has a line a layer" bash -c \
	"rm -rf home-p; BRIG_HOME=$T/home-p $BRIG_IMAGE pull $R/t/base:1 2>&1 >/dev/null | grep -q 'done'"
check "--json describes the image" bash -c "$BRIG_IMAGE pull -q --json $R/t/two:1 | jq -e '.layers | length == 2'"
check "--missing asks nobody when it is here" bash -c \
	"$BRIG_IMAGE pull -q --missing $R/t/two:1 && ! $BRIG_IMAGE pull -q --missing 127.0.0.1:1/t/two:1 2>/dev/null"

# one without these layers as gzip, or skopeo would use those again
start_registry other
zstd_layers() {
	skopeo --insecure-policy copy -q --dest-decompress oci:lay:two dir:plain-dir &&
		skopeo --insecure-policy copy -q --dest-tls-verify=false --dest-compress-format zstd \
			--format oci dir:plain-dir "docker://127.0.0.1:$other/t/zstd:1" || return 1
	fresh
	d=$(pull "127.0.0.1:$other/t/zstd:1") && same_as_umoci "$d" &&
		[ "$(head -c4 "$store/blobs/sha256/$(jq -r '.layers[0].digest' "$store/images/sha256-${d#*:}.json" |
			cut -d: -f2)" | xxd -p)" = 28b52ffd ]
}
check "zstd layers unpack to the same" zstd_layers

put_manifest() { # REPO TAG TYPE FILE
	curl -sf -X PUT -H "Content-Type: $3" --data-binary "@$4" "http://$R/v2/$1/manifests/$2"
}
manifest_list() {
	local raw size other
	skopeo inspect --tls-verify=false --raw "docker://$R/t/two:1" >m.json
	raw=$(wc -c <m.json)
	skopeo inspect --tls-verify=false --raw "docker://$R/t/base:1" >b.json
	other=$(sha256sum <b.json | cut -d' ' -f1) size=$(wc -c <b.json)
	curl -sf "http://$R/v2/t/base/blobs/$(jq -r .config.digest b.json)" -o b-config
	jq -n --arg d "sha256:$digest" --arg o "sha256:$other" --argjson s "$raw" --argjson z "$size" '
		{schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json", manifests: [
		{mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $o, size: $z,
			platform: {os: "linux", architecture: "arm64", variant: "v8"}},
		{mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $d, size: $s,
			platform: {os: "linux", architecture: "amd64"}}]}' >list.json
	# the registry wants what a list names to be in the same repository
	push lay:base "$R/t/two:base" &&
		put_manifest t/two list application/vnd.oci.image.index.v1+json list.json
}
check "a manifest list is put in the registry by hand" manifest_list
if [ "$(uname -m)" = x86_64 ]; then
	check "the platform's manifest is chosen" bash -c "[ \"\$($BRIG_IMAGE pull -q $R/t/two:list)\" = sha256:$digest ]"
	check "--platform chooses another" bash -c \
		"[ \"\$($BRIG_IMAGE pull -q --platform linux/arm64 $R/t/two:list)\" = \"sha256:\$(sha256sum <b.json | cut -d' ' -f1)\" ]"
fi
check "a platform that isn't there is named with those that are" \
	fails 's390x.*linux/arm64/v8, linux/amd64' pull --platform linux/s390x "$R/t/two:list"

# --- logins ---------------------------------------------------------------------------------

htpasswd -Bbn user secret >htpasswd 2>/dev/null
start_registry locked "$T/htpasswd"
push lay:two "127.0.0.1:$locked/t/two:1" --dest-creds user:secret || die "an image is pushed with a login"
check "a registry that wants a login says so" fails 'login' pull "127.0.0.1:$locked/t/two:1"
mkdir -p "$T/.docker"
printf '{"auths":{"127.0.0.1:%s":{"auth":"%s"}}}' "$locked" "$(printf user:wrong | base64)" >"$T/.docker/config.json"
check "a wrong password is refused" fails 'login|401' pull "127.0.0.1:$locked/t/two:1"
printf '{"auths":{"127.0.0.1:%s":{"auth":"%s"}}}' "$locked" "$(printf user:secret | base64)" >"$T/.docker/config.json"
fresh
check "docker's login file is used (basic)" pull "127.0.0.1:$locked/t/two:1"

start_stub token "$plain" token
fresh
check "a token server that wants a login is an error" fails 'bad login|401' pull "127.0.0.1:$token/t/two:1"
mkdir -p containers
printf '{"auths":{"127.0.0.1:%s":{"auth":"%s"}}}' "$token" "$(printf user:secret | base64)" >containers/auth.json
check "podman's login file is used (token)" env XDG_RUNTIME_DIR="$T" "$BRIG_IMAGE" pull -q "127.0.0.1:$token/t/two:1"
start_stub anon "$plain" token-anon
fresh
check "an anonymous token is fetched" pull "127.0.0.1:$anon/t/two:1"

start_stub leak "$plain" leak
start_stub redirect "$plain" token-anon "redirect=$leak"
fresh
check "a redirect to another host goes without the token" pull "127.0.0.1:$redirect/t/two:1"

openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=test 2>/dev/null
cat key.pem cert.pem >both.pem
start_stub tls "$plain" "tls=$T/both.pem"
fresh
check "a certificate nobody vouches for is an error" fails 'certificate|SSL' pull "127.0.0.1:$tls/t/two:1"
check "--insecure takes it" pull --insecure "127.0.0.1:$tls/t/two:1"
start_stub proxy "$plain"
check "a proxy is used where the environment names one" bash -c \
	"! HTTPS_PROXY=http://127.0.0.1:$proxy $BRIG_IMAGE pull -q registry.invalid/x 2>err &&
	grep -q 'CONNECT registry.invalid:443' $T/stub-$proxy.log"
check "http is not for other machines" bash -c \
	"! HTTPS_PROXY=http://127.0.0.1:$proxy http_proxy=http://127.0.0.1:$proxy $BRIG_IMAGE pull -q \
	registry.invalid/x 2>err && ! grep -q 'GET http' $T/stub-$proxy.log"

# --- what goes wrong on the way --------------------------------------------------------------

start_stub cut "$plain" cut=2
fresh
check "a cut connection is taken up again" pull "127.0.0.1:$cut/t/two:1"
resumed() { grep -E 'blobs/sha256:.* bytes=[1-9][0-9]*-' "$T/stub-$cut.log"; }
check "by a Range request" resumed
check "and the files are right" same_as_umoci "sha256:$digest"
start_stub norange "$plain" cut=2 norange
fresh
check "a server without ranges is asked for all again" pull "127.0.0.1:$norange/t/two:1"
start_stub busy "$plain" busy=2
fresh
check "a busy server is asked again" pull "127.0.0.1:$busy/t/two:1"
start_stub corrupt "$plain" corrupt
fresh
check "a corrupt blob is refused" fails 'digest of what came' pull "127.0.0.1:$corrupt/t/two:1"
check "and not kept" bash -c "[ -z \"\$(ls $store/blobs/sha256 $store/names $store/images | grep -v :)\" ]"
start_stub short "$plain" truncate
fresh
check "a truncated layer is refused in the end" fails 'blob sha256:' pull "127.0.0.1:$short/t/two:1"
check "a truncated layer leaves no image" bash -c "[ -z \"\$(ls -A $store/names)\" ]"
start_stub wrong "$plain" wrong
check "a manifest with the wrong digest is refused" fails 'has the digest' pull "127.0.0.1:$wrong/t/two@sha256:$digest"

start_stub slow "$plain" slow=200000
fresh
killed_download() {
	local pid i part
	"$BRIG_IMAGE" pull -q "127.0.0.1:$slow/t/two:1" >/dev/null 2>&1 &
	pid=$!
	for i in $(seq 100); do
		part=$(find "$store/tmp" -name '*.part' -size +100k 2>/dev/null | head -1)
		[ -n "$part" ] && break
		sleep 0.1
	done
	kill -9 "$pid"
	wait "$pid" 2>/dev/null
	[ -n "$part" ] && [ -z "$(ls -A "$store/names")" ] && pull "127.0.0.1:$slow/t/two:1" &&
		grep -E 'blobs/sha256:.* bytes=[1-9][0-9]*-' "$T/stub-$slow.log" && nothing_in_tmp
}
check "a killed download is resumed by the next" killed_download
check "and the files are right then" same_as_umoci "sha256:$digest"
two_at_once() {
	local a b
	fresh
	"$BRIG_IMAGE" pull -q "127.0.0.1:$slow/t/two:1" >one.out 2>&1 &
	a=$!
	"$BRIG_IMAGE" pull -q "127.0.0.1:$slow/t/two:1" >two.out 2>&1 &
	b=$!
	wait $a && wait $b && cmp one.out two.out && grep -q "$digest" one.out && nothing_in_tmp &&
		same_as_umoci "sha256:$digest" || { cat one.out two.out; false; }
}
check "two pulls of one image at once both succeed" two_at_once

killed_anywhere() {
	local pid i
	fresh
	for i in $(seq 25); do
		"$BRIG_IMAGE" pull -q "$R/t/two:1" >/dev/null 2>&1 &
		pid=$!
		sleep "0.0$((RANDOM % 10))"
		kill -9 "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
		find "$store/names" "$store/images" -name '*.tmp' 2>/dev/null | grep . && return 1
	done
	pull "$R/t/two:1" && nothing_in_tmp && same_as_umoci "sha256:$digest"
}
check "killed at any moment, the next pull mends all" killed_anywhere

damaged_store() {
	local blob
	blob=$store/blobs/sha256/$(jq -r '.layers[0].digest' "$store/images/sha256-$digest.json" | cut -d: -f2)
	truncate -s 1000 "$blob" && pull "$R/t/two:1" && [ "$(sha256sum <"$blob" | cut -c1-64)" = "${blob##*/}" ]
}
check "a truncated blob in the store is brought again" damaged_store
changed_blob() {
	local blob
	fresh && pull "$R/t/base:1" || return 1
	blob=$store/blobs/sha256/$(jq -r '.layers[0].digest' "$store"/images/*.json | cut -d: -f2)
	clean_layers
	printf X | dd of="$blob" bs=1 seek=5000 conv=notrunc 2>/dev/null
	fails 'damaged on the disk' pull "$R/t/base:1" && pull "$R/t/base:1"
}
clean_layers() {
	rm -rf "$store"/layers/* 2>/dev/null || unshare -Ur --map-auto rm -rf "$store"/layers/*
}
check "a blob that changed on the disk is noticed and brought again" changed_blob

check "a read-only home is an error that names it" bash -c \
	"mkdir -p $T/ro; chmod 500 $T/ro; out=\$(BRIG_HOME=$T/ro/x $BRIG_IMAGE pull -q $R/t/two:1 2>&1); rc=\$?;
	[ \$(id -u) = 0 ] || { [ \$rc = 1 ] && grep -q $T/ro <<<\"\$out\"; }"

full_disk() {
	local out
	BRIG_HOME=$T/small
	store=$BRIG_HOME/data/store
	mkdir -p "$T/small"
	run_mount "mount -t tmpfs -o size=$1 none $T/small && {
		BRIG_HOME=$T/small $BRIG_IMAGE pull -q $R/t/two:1 >out 2>&1; echo rc=\$? >>out
		ls -A $store/names $store/layers/* $store/tmp >>out 2>&1; }"
	out=$(cat out)
	grep -q '^rc=1' out && grep -qE 'No space left|are to come' out && ! grep -q 'layer-' out &&
		return 0
	echo "$out"
	return 1
}
check "a disk too small for the blobs is an error at once" full_disk 700k
check "a disk that fills while unpacking is an error, and cleaned up" full_disk 2500k
fresh

# --- layouts and archives ----------------------------------------------------------------------

fresh
check "an OCI layout is imported" bash -c "[ \"\$($BRIG_IMAGE import -q oci:lay:two)\" = \"sha256:\$(skopeo inspect --raw oci:lay:two | sha256sum | cut -c1-64)\" ]"
check "its files are right" same_as_umoci "sha256:$(skopeo inspect --raw oci:lay:two | sha256sum | cut -c1-64)"
check "a layout of several images wants a name" fails 'several images: ' import oci:lay
check "a name that isn't in it is an error" fails "no image 'none'" import oci:lay:none
inserted() {
	mkdir -p ins/opt/x && echo x >ins/opt/x/y && umoci new --image lay:ins &&
		umoci insert $rootless --image lay:ins ins / && umoci insert $rootless --image lay:ins ins /deep/er &&
		d=$(import oci:lay:ins) && [ -f "$(store_layers "$d" | head -1)/opt/x/y" ] &&
		[ -f "$(store_layers "$d" | tail -1)/deep/er/opt/x/y" ]
}
check "layers that umoci inserts are unpacked" inserted
saved() { d=$(import save.tar) && same_as_umoci "$d"; }
fresh
check "a 'docker save' archive is imported" saved
check "with the name in it" grep -lq 'docker.io/test/two:1' "$store"/names/*
check "and again it is the same image" bash -c "[ \"\$($BRIG_IMAGE import -q save.tar)\" = \"\$($BRIG_IMAGE import -q ./save.tar mine:2)\" ]"
check "and has the name given" grep -lq 'docker.io/library/mine:2' "$store"/names/*
check "an archive comes by standard input" bash -c "gzip -c save.tar | $BRIG_IMAGE import -q - piped:1"
check "an OCI layout in a tar is imported" import oci-archive:layout.tar:two
check "pull takes an archive's path too" pull ./save.tar
check "an archive is found again with --missing" pull --missing ./save.tar
check "nothing is left in tmp by imports" nothing_in_tmp
check "an archive of something else is an error" bash -c \
	"tar cf other.tar make.log; ! $BRIG_IMAGE import -q other.tar 2>err && grep -q 'neither' err"
check "no archive at all is an error" fails 'archive|tar' import make.log
check "a truncated archive is an error" bash -c \
	"head -c 400000 save.tar >cut.tar; ! $BRIG_IMAGE import -q cut.tar 2>err && grep -qi 'truncated' err"
bad_layout() {
	cp -r lay bad && f=bad/blobs/sha256/$(jq -r '.layers[0].digest' \
		"bad/blobs/sha256/$(skopeo inspect --raw oci:lay:two | sha256sum | cut -c1-64)" | cut -d: -f2)
	chmod u+w "$f" && printf X | dd of="$f" bs=1 seek=3000 conv=notrunc 2>/dev/null
	fresh
	fails 'has the digest' import oci:bad:two
}
check "a layout with a damaged blob is refused" bad_layout

# --- hostile layers -------------------------------------------------------------------------------

cat >hostile.py <<'END'
import hashlib, io, json, os, sys, tarfile

def layer(entries):
    out = io.BytesIO()
    t = tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT)
    for name, kind, link, data in entries:
        i = tarfile.TarInfo(name)
        i.type, i.linkname, i.size = kind, link, len(data)
        i.devmajor, i.devminor = 1, 3
        t.addfile(i, io.BytesIO(data))
    t.close()
    return out.getvalue()

def layout(path, tar, diff=None):
    os.makedirs(path + "/blobs/sha256", exist_ok=True)
    def blob(b):
        d = hashlib.sha256(b).hexdigest()
        open(path + "/blobs/sha256/" + d, "wb").write(b)
        return {"digest": "sha256:" + d, "size": len(b)}
    l = blob(tar)
    c = blob(json.dumps({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers",
        "diff_ids": [diff or l["digest"]]}}).encode())
    m = blob(json.dumps({"schemaVersion": 2, "config": c, "layers": [l]}).encode())
    json.dump({"schemaVersion": 2, "manifests": [m]}, open(path + "/index.json", "w"))
    open(path + "/oci-layout", "w").write('{"imageLayoutVersion": "1.0.0"}')

R, D, L, H, C = tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE
B = b""
cases = {
    "dotdot": [("a/../../evil", R, "", b"x")],
    "absolute": [("/evil", R, "", b"x")],
    "symlink": [("l", L, sys.argv[1], B), ("l/evil", R, "", b"x")],
    "relative": [("a/", D, "", B), ("a/l", L, "../../../../../.." + sys.argv[1], B), ("a/l/evil", R, "", b"x")],
    "hardlink": [("evil", H, "/etc/shadow", B)],
    "hardlink2": [("l", L, "/etc", B), ("evil", H, "l/shadow", B)],
    "device": [("etc/mem", C, "", B)],
    "deep": [("d/" * 300 + "f", R, "", b"x")],
    "control": [("a\033]0;evil\007/../x", R, "", b"x")],
    "long": [("x" * 300, R, "", b"x")],
    "whiteout": [(".wh...", R, "", B)],
    "good": [("ok", R, "", b"x"), ("dev/", D, "", B), ("dev/null", C, "", B)],
}
for name, entries in cases.items():
    layout("hostile-" + name, layer(entries))
huge = bytearray(layer([("huge", R, "", b"x")]))
huge[124:136] = b"\x80" + (2 ** 62).to_bytes(11, "big")
huge[148:156] = b" " * 8
huge[148:156] = b"%06o\0 " % sum(huge[:512])
layout("hostile-huge", bytes(huge))
layout("hostile-diff", layer(cases["good"]), "sha256:" + "0" * 64)
layout("hostile-short", layer([("f", R, "", b"x" * 100000)])[:50000])
layout("hostile-text", b"<html>not found</html>" * 100)
import gzip, subprocess
layout("hostile-bomb", subprocess.run("head -c 3G /dev/zero | zstd -q", shell=True, capture_output=True).stdout)
END
mkdir -p outside
python3 hostile.py "$T/outside" || die "hostile layouts are made"
fresh
hostile() { # CASE PATTERN
	fails "$2" import "oci:hostile-$1" && [ -z "$(ls -A outside)" ] && nothing_in_tmp &&
		[ -z "$(ls -A "$store/names")" ] && [ -z "$(ls -A "$store"/layers/* 2>/dev/null)" ]
}
check "hostile: '..' in a name" hostile dotdot "entry 'a/../../evil' holds '..'"
check "hostile: an absolute name" hostile absolute "entry '/evil' is absolute"
check "hostile: through an absolute symbolic link" hostile symlink "entry 'l/evil' leads out"
check "hostile: through a symbolic link with '..'" hostile relative "entry 'a/l/evil' leads out"
check "hostile: a hard link to an absolute name" hostile hardlink "entry 'evil' is a hard link"
check "hostile: a hard link through a symbolic link" hostile hardlink2 "entry 'evil' leads out"
check "hostile: a device node" hostile device "entry 'etc/mem' is a device node"
check "hostile: deep nesting" hostile deep "nested too deeply"
check "hostile: control characters are shown as text" hostile control "entry 'a.x1b"
check "hostile: a long name" hostile long "too long"
check "hostile: a whiteout of '..'" hostile whiteout "whiteout of no name"
check "hostile: a huge size" hostile huge "entry 'huge'"
check "hostile: a diff_id that doesn't match" hostile diff "its tar has the digest"
check "hostile: a tar that ends early" hostile short "entry 'f'|[Tt]runcated"
check "hostile: no tar at all" hostile text "tar"
check "hostile: a bomb" hostile bomb "bomb|tar"
check "hostile: a size above --max-size" fails "more than the 5000|larger than allowed" \
	"$BRIG_IMAGE" import -q --max-size 5000 oci:lay:two
check "devices in dev are dropped" bash -c \
	"$BRIG_IMAGE import -q oci:hostile-good && [ ! -e $store/layers/*/*/d/dev/null ] && [ -e $store/layers/*/*/d/ok ]"
fresh
check "hostile: a manifest of many layers" bash -c "jq -c '.layers = [range(200) as \$i | .layers[0]]' m.json >many.json"
start_stub evil "$plain" evil="$T/many.json"
check "more than 127 layers are refused" fails '200 layers' pull "127.0.0.1:$evil/t/two:1"
printf '{"schemaVersion":2,"config":{"mediaType":"application/vnd.cncf.helm.config.v1+json","digest":"%s","size":%s},"layers":[]}' \
	"$(jq -r .config.digest m.json)" "$(jq -r .config.size m.json)" >many.json
check "what is no image is refused" fails 'helm' pull "127.0.0.1:$evil/t/two:1"
printf '{"schemaVersion":2,"manifests":[],"layers":[]}' >many.json
check "a manifest that is an index too is refused" fails 'at once|no image' pull "127.0.0.1:$evil/t/two:1"

check "an unknown option is an error" fails "unknown option|--quit" "$BRIG_IMAGE" pull --quit x
check "a bad reference is an error" fails "lower case" pull UPPER:x
check "a directory is nothing to pull" fails "as it is" pull .

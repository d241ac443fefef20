#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# run as: root range plain
# time: 120
#
# brig secret: what is stored, how, and what of it can be seen. No sandbox runs here.

here=$(cd "$(dirname "$0")" && pwd)
. "$here/lib.sh"
# a store of its own: what it counts is all there is
export BRIG_HOME=$T/brig

export BRIG_SECRET_KEY=file
unset DBUS_SESSION_BUS_ADDRESS
store=$BRIG_HOME/data/secrets/store.json
real=sk-ant-api03-the-real-key-of-this-test

# put VALUE ARG...: brig secret set ARG... with VALUE on standard input.
put() {
	local value=$1
	shift
	printf '%s\n' "$value" | brig secret set "$@"
}

not() { ! "$@"; }
mode() { [ "$(stat -c %a "$1")" = "$2" ] || { stat "$1" && return 1; }; }
field() { brig secret ls --json | jq -r ".secrets[] | select(.name == \"$1\") | $2"; }
holds() { grep -rqF -e "$2" "$1"; }

stores_and_lists() {
	prints "an empty store lists nothing" '{"key":null,"secrets":[]}' sh -c \
		'brig secret ls --json | jq -c .'
	shows "a known service needs no more than its name" "^anthropic: set" put "$real" anthropic
	prints "... its host is from the table" api.anthropic.com field anthropic '.hosts[]'
	prints "... and its variable" ANTHROPIC_API_KEY field anthropic '.env[]'
	check "the store is the caller's alone" mode "$store" 600
	check "... and so is its key" mode "$BRIG_HOME/data/secrets/key" 600
	check "no file holds the value" not holds "$BRIG_HOME" "$real"
	check "... nor half of it" not holds "$BRIG_HOME" the-real-key
	shows "it is listed, without its value" "anthropic +ANTHROPIC_API_KEY" brig secret ls
	check "... anywhere" not sh -c "{ brig secret ls; brig secret ls --json; } 2>&1 | grep the-real"
	shows "where the key is kept is said" "kept in a file" sh -c 'brig secret ls 2>&1'
	shows "a new value rotates it" "^anthropic: rotated" put another-real-key anthropic
	prints "... and the list has it once" 1 sh -c "brig secret ls --json | jq '.secrets | length'"
	shows "JSON says what was done" '"rotated": true' put another-real-key anthropic --json
}

refuses_what_it_should() {
	refuses "an unknown name needs hosts and a variable" "no known service" \
		put longenough custom
	refuses "... both" "no known service" put longenough custom --host a.example.com
	check "... and is stored with them" put longenough custom --host a.example.com \
		--host '*.b.example.com' --env CUSTOM_KEY
	refuses "a whole top-level domain is no host" "whole domain" \
		put longenough wide --host '*.com' --env A
	refuses "a URL is no host" "no host name" put longenough wide --host https://a.com/ --env A
	refuses "a host with a port" "no host name" put longenough wide --host a.com:443 --env A
	refuses "a variable is a word" "variable" put longenough wide --host a.com --env A-B
	refuses "a variable that programs need" "programs in the sandbox need" put longenough wide --host a.com --env PATH
	refuses "... or that makes them load something" "programs in the sandbox need" \
		put longenough wide --host a.com --env LD_PRELOAD
	refuses "a name is no path" "name a secret" put longenough ../x
	refuses "a short value" "5 bytes" put short custom
	refuses "an empty value" "0 bytes" put "" custom
	refuses "two lines" "control character" put $'long\nenough' custom
	refuses "a tabulator" "control character" put $'long\tenough' custom
	refuses "bytes that are no text" "no UTF-8" put $'longenough\xff' custom
	refuses "a blank at the end" "blank" put 'longenough ' custom
	refuses "a value on the command line" "unexpected argument" \
		brig secret set custom the-value-itself
	refuses "a value that is too long" "longer than 16384" \
		sh -c 'head -c 20000 /dev/zero | tr "\0" x | brig secret set custom'
	check "as long as it may be" \
		sh -c 'head -c 16384 /dev/zero | tr "\0" x | brig secret set custom'
	refuses "an unknown place for the key" "service, keyring or file" \
		put longenough custom --keep pocket
	prints "none of that is left behind" "anthropic custom" sh -c \
		"brig secret ls --json | jq -r '[.secrets[].name] | sort | join(\" \")'"
}

finds_a_hand_in_the_file() {
	cp "$store" "$T/store"
	sed -i 's/a\.example\.com/evil.example.org/' "$store"
	refuses "edited hosts don't become good by a new value" "changed without the key" \
		put longenough custom
	cp "$T/store" "$store"
	check "as it was, it can be rotated" put longenough custom
	chmod 666 "$store"
	refuses "a store that others may write is refused" "writable by you alone" brig secret ls
	chmod 600 "$store"
	chmod 644 "$BRIG_HOME/data/secrets/key"
	refuses "a key that others may read is refused" "readable by you alone" put longenough custom
	chmod 600 "$BRIG_HOME/data/secrets/key"
	cp "$BRIG_HOME/data/secrets/key" "$T/key"
	printf '%064d\n' 7 >"$BRIG_HOME/data/secrets/key"
	refuses "another key is told from the right one" "isn't the one" put longenough custom
	cp "$T/key" "$BRIG_HOME/data/secrets/key"
	echo '{' >"$store"
	refuses "a broken store says so" "not valid JSON" brig secret ls
	cp "$T/store" "$store"
}

imports() {
	prints "without words it says what there is" "openai: from OPENAI_API_KEY" \
		env OPENAI_API_KEY=sk-openai-real brig secret import
	prints "... and stores nothing" "" field openai .name
	prints "of two variables the first is taken" "github: from GH_TOKEN" \
		env GH_TOKEN=ghp_aaaaaaaa GITHUB_TOKEN=ghp_bbbbbbbb brig secret import --dry-run
	shows "a service is imported by name" "^openai: set" \
		env OPENAI_API_KEY=sk-openai-real GH_TOKEN=ghp_aaaaaaaa brig secret import openai
	prints "... that one alone" "" field github .name
	shows "all are imported" "^github: set" \
		env OPENAI_API_KEY=sk-openai-real GH_TOKEN=ghp_aaaaaaaa brig secret import --all
	prints "... with each of its variables" "GH_TOKEN GITHUB_TOKEN" field github '.env | join(" ")'
	refuses "an unknown service" "did you mean 'openai'" brig secret import openia
	refuses "one that isn't in the environment" "MISTRAL_API_KEY isn't set" \
		brig secret import mistral
	check "a value is taken from another variable" \
		env MY_KEY=gsk_the_real_one brig secret set groq --from-env MY_KEY
	refuses "... that is set" "isn't set" brig secret set groq --from-env MY_KEY
	check "no value is in any file" not holds "$BRIG_HOME" ghp_aaaaaaaa
}

scopes_and_removes() {
	check "one sandbox may have its own" put longenough anthropic --sandbox web
	prints "... beside the one for all" 2 sh -c \
		"brig secret ls --json | jq '[.secrets[] | select(.name == \"anthropic\")] | length'"
	refuses "of an unknown one none is removed" "did you mean 'custom'" \
		brig secret rm anthropic costum
	prints "... at all" anthropic sh -c \
		"brig secret ls --json | jq -r '[.secrets[] | select(.sandbox == null).name] | sort | .[0]'"
	shows "the sandbox's own goes alone" "anthropic: removed" \
		brig secret rm --sandbox web anthropic
	prints "... and the other stays" null field anthropic .sandbox
	check "many go at once" brig secret rm anthropic custom openai github groq
	prints "and the list is empty again" 0 sh -c "brig secret ls --json | jq '.secrets | length'"
}

# A Secret Service of sorts: secret-tool(1) that keeps what it is given in a file.
fake_service() {
	mkdir -p "$T/bin"
	cat >"$T/bin/secret-tool" <<-EOF
		#!/bin/sh
		case \$1 in
		store) cat >"$T/kept" ;;
		lookup) cat "$T/kept" ;;
		clear) rm -f "$T/kept" ;;
		esac
	EOF
	chmod 755 "$T/bin/secret-tool"
}

keeps_the_key_elsewhere() {
	fake_service
	local old=$PATH
	export DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent
	PATH=$T/bin:$PATH
	shows "the key moves to the Secret Service" "kept in the Secret Service" \
		sh -c "echo longenough | brig secret set anthropic --keep service 2>&1"
	check "... and is no file any more" not test -e "$BRIG_HOME/data/secrets/key"
	check "... and opens what it sealed" put longenough anthropic
	PATH=$old
	rm -rf "${T:?}/bin"
	mkdir "$T/bin"
	printf '#!/bin/sh\nexec sleep 60\n' >"$T/bin/secret-tool"
	chmod 755 "$T/bin/secret-tool"
	PATH=$T/bin:$PATH
	refuses "a service that hangs is not waited for" "didn't end within 3000 ms" \
		put longenough anthropic
	fake_service
	check "the key moves back" put longenough anthropic --keep file
	check "... and leaves the service" not test -e "$T/kept"
	(
		export BRIG_HOME=$T/fresh
		unset BRIG_SECRET_KEY
		put longenough anthropic
	) >/dev/null 2>&1
	prints "a new store chooses the service by itself" service \
		jq -r .key "$T/fresh/data/secrets/store.json"
	PATH=$old
	rm -rf "$T/fresh"
	unset DBUS_SESSION_BUS_ADDRESS
	if ! shows "the key moves to the kernel's keyring, which is said to forget" "restarts" \
		sh -c "echo longenough | brig secret set anthropic --keep keyring 2>&1"; then
		return
	fi
	check "... and opens what it sealed" put longenough anthropic
	check "... and moves back" put longenough anthropic --keep file
}

many_at_once() {
	local i pids=()
	for i in {1..12}; do
		put "value-number-$i" "many$i" --host a.example.com --env A >/dev/null 2>&1 &
		pids+=($!)
	done
	wait "${pids[@]}"
	prints "of twelve writers at once none is lost" 12 sh -c \
		"brig secret ls --json | jq '[.secrets[] | select(.name | startswith(\"many\"))] | length'"
}

stores_and_lists
refuses_what_it_should
finds_a_hand_in_the_file
imports
scopes_and_removes
keeps_the_key_elsewhere
many_at_once
finish

# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# tricks-lib.sh - the program of attacks on user-mode Linux's stub (hostile-sentry/stub-tricks.c),
# and what it says as tests' lines. Sourced after lib.sh.

# tricks_build FILE: static, so that it can be all that a guest has.
tricks_build() {
	"${CC:-cc}" -O1 -static -w -o "$1" "$here"/hostile-sentry/stub-*.c
}

# tricks_lines FILE WHERE: what it said. WHERE ends each line.
tricks_lines() {
	local line trick ended=
	while IFS= read -r line; do
		line=${line%$'\r'}
		trick=${line#* }
		trick=${trick%%:*}
		case $line in
		"ok sight") ok "a call that the host carries out for a program is seen$2" ;;
		"ok "*) ok "the trick $trick gets a program nothing$2" ;;
		"ESCAPED "*) not_ok "the trick $trick gets a program nothing$2" "${line#*: }" ;;
		"no stub: "*)
			skip "tricks get a program nothing$2" "${line#*: }"
			ended=yes ;;
		"no "*) skip "the trick $trick gets a program nothing$2" "${line#*: }" ;;
		"# "*) echo "#   ${line#\# }" ;;
		"end "*) ended=yes ;;
		esac
	done <"$1"
	[ -n "$ended" ] || not_ok "the program of tricks comes to its end$2" "$(tail -n 20 "$1")"
}

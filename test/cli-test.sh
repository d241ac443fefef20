#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# cli-test.sh - the command line where no sandbox needs to run: help, errors, agents, doctor,
# completion, manual pages.
# run as: root range plain
. "$(dirname "$0")/lib.sh"

# help
shows "brig help names the topics" '^Life cycle$' brig help
shows "--help is the same" '^Life cycle$' brig --help
status "brig alone fails, as a command that does nothing should" 125 brig
mapfile -t verbs < <(brig help --man | sed -n 's/^\.It Xr brig-\([a-z]*\) 1$/\1/p')
check "there are verbs" [ "${#verbs[@]}" -gt 20 ]
for verb in "${verbs[@]}"; do
	shows "brig $verb --help works" "^usage: brig $verb" brig "$verb" --help
done
brig help >help.txt
missing=
for verb in "${verbs[@]}"; do
	grep -qE "^  $verb( |\$)" help.txt || missing+="$verb "
done
check "brig help shows every verb" [ -z "$missing" ]
check "no verb is left over without a topic" bash -c '! grep "^Other\$" help.txt'
check "help fits 80 columns" [ -z "$(for v in "${verbs[@]}"; do brig help "$v"; done |
	awk 'length > 80 && !/^usage:/ && !/^  [ -]/')" ]
shows "a verb of a verb has help" '^usage: brig agent show' brig help agent show
refuses "help for what isn't a command" "unknown command 'nosuch'" brig help nosuch

# errors: the status, the object, the remedy
status "an unknown command is brig's failure" 125 brig nosuch
refuses "an unknown command names the nearest" "did you mean 'create'" brig craete
refuses "an unknown command of a command too" "unknown command 'shwo'" brig agent shwo claude
refuses "an unknown option names the nearest" "did you mean '--memory'" brig run --memroy 1g
refuses "an option without its value" "'--memory' wants SIZE" brig run --memory
refuses "a value for a switch" "takes no value" brig version --json=yes
refuses "a size that is none" "1.5x" brig run --memory 1.5x
refuses "a word too many" "unexpected argument 'x'" brig version x
refuses "a word too few" "too few arguments" brig agent show
refuses "a limit that a wall can't enforce" "network's rate can't be enforced by the chroot" brig run --wall chroot --net-rate 1m -- true
refuses "the usage of a verb of a verb names both" "usage: brig policy allow " brig policy allow
refuses "an unknown wall names the walls" "did you mean 'container'" brig run --wall contaner
refuses "an unknown agent names the nearest" "did you mean 'claude'" brig run claud
refuses "control characters of a name are not sent to the terminal" 'x\\x1b' brig $'x\033[31m'

# version
shows "brig version" '^brig [0-9]+\.[0-9]+' brig version
check "--version is the same" [ "$(brig --version)" = "$(brig version)" ]
shows "version as JSON" '"version": "[0-9]' brig version --json
if [ -w /dev/full ]; then
	status "a full disk under standard output is a failure" 125 bash -c 'exec brig help >/dev/full'
else
	skip "a full disk under standard output is a failure" "/dev/full is not here"
fi

# agents
prints "the agents" "claude codex copilot gemini opencode shell" \
	bash -c 'brig agent ls -q | tr "\n" " " | sed "s/ \$//"'
shows "the shell is always ready" '^shell +ready' brig agent ls
check "agents as JSON" bash -c "brig agent ls --json | jq -e 'length == 6'"
mkdir bin
shows "a missing program names the command that installs it" 'npm install -g @openai/codex' \
	env PATH="$(dirname "$BRIG")" "$BRIG" agent show --json codex
printf '#!/bin/sh\necho codex\n' >bin/codex
chmod +x bin/codex
shows "a program on PATH is found" "^program +$T/bin/codex$" \
	env PATH="$T/bin:$PATH" brig agent show codex
shows "it is shown alone" "^shown +$T/bin/codex$" env PATH="$T/bin:$PATH" brig agent show codex
mkdir -p "$BRIG_HOME/config/agents"
own=$BRIG_HOME/config/agents
printf '{"description": "mine", "command": ["true"]}\n' >"$own/codex.json"
shows "a user's recipe hides brig's" "^recipe +$own/codex.json$" brig agent show codex
printf '{"description": "mine", "comand": ["true"]}\n' >"$own/odd.json"
refuses "an unknown key in a recipe names file and key" \
	"odd.json.*unknown key 'comand', did you mean 'command'" brig agent show odd
shows "one bad recipe spoils no other" '^odd +bad recipe' brig agent ls
refuses "a bad recipe is not run" "unknown key 'comand'" brig run odd
printf '{' >"$own/odd.json"
refuses "half a recipe" "not valid JSON" brig agent show odd
: >"$own/odd.json"
refuses "an empty recipe" "odd.json" brig agent show odd
rm -r "$BRIG_HOME"

# doctor
brig doctor >doctor.txt 2>&1
code=$?
check "doctor ends with 0 or 1" [ "$code" -le 1 ]
check "doctor says what auto takes, or that nothing works" \
	grep -qE "'brig run' takes the [a-z]+ wall|^No wall that separates" doctor.txt
check "doctor says of each wall what it doesn't stop" \
	[ "$(grep -c "doesn't stop: " doctor.txt)" = 5 ]
refuses "a path of a rule begins with a slash" "begin with .*/" brig policy allow --path foo x.com
check "doctor as JSON" bash -c "brig doctor --json | jq -e '(.walls | length) == 5 and
	(.system | length) > 5 and (.ok | type) == \"boolean\"'"
check "its status says what .ok says" bash -c \
	"brig doctor --json | jq -e '.ok' >/dev/null; [ \$? = $code ]"
check "each thing that lacks has a remedy" bash -c "brig doctor --json |
	jq -e '[.system[] | select(.state == \"missing\" and .remedy == null)] == []'"
if [ "$(id -u)" != 0 ] && ! grep -q "^$(id -un):" /etc/subuid; then
	shows "without subordinate ids doctor names the remedy" 'add-subuids|uidmap' brig doctor
fi
status "doctor fails without the warder" 1 env BRIG_LIBEXEC="$T" brig doctor
shows "and names it" 'missing +brig-warder' bash -c "BRIG_LIBEXEC=$T brig doctor || true"
if unshare -Ur true 2>/dev/null; then
	unshare -Ur sh -c 'echo 0 >/proc/sys/user/max_user_namespaces; exec brig doctor' >none.txt 2>&1
	check "where user namespaces are forbidden doctor ends with 1" [ $? = 1 ]
	tr -s ' \n' ' ' <none.txt >line.txt
	check "it names the remedy" grep -q 'sysctl -w user.max_user_namespaces=' line.txt
	check "and says that no wall works" grep -q 'No wall that separates' line.txt
else
	skip "where user namespaces are forbidden doctor ends with 1" "no user namespaces here at all"
fi
check "doctor leaves nothing behind" [ ! -e "$BRIG_HOME" ]

# completion
complete_bash() {
	bash -c '. <(brig completion bash)
		COMP_WORDS=(brig "$@") COMP_CWORD=$# COMPREPLY=()
		_brig
		printf "%s\n" "${COMPREPLY[@]}"' bash "$@"
}
shows "bash: a verb" '^run$' complete_bash ru
shows "bash: an option" '^--memory$' complete_bash run --mem
shows "bash: a value" '^container$' complete_bash run --wall con
shows "bash: a value after =" '^container$' complete_bash run --wall = con
shows "bash: a verb of a verb" '^show$' complete_bash agent sh
shows "bash: agents" '^claude$' complete_bash run cla
shows "bash: a path for run" '^bin$' complete_bash run bi
shows "bash: a program after --" '^true$' complete_bash exec x -- tru
shows "bash: nothing for a size" '^$' complete_bash run --memory ''
check "bash: every verb" [ "$(complete_bash '' | wc -l)" = "${#verbs[@]}" ]
if command -v zsh >/dev/null; then
	check "zsh reads its script" bash -c 'brig completion zsh | zsh -n'
	check "zsh can load it" zsh -f -c \
		'autoload -U compinit; compinit -u -D; source <(brig completion zsh); (( $+_comps[brig] ))'
else
	skip "zsh reads its script" "zsh is not installed"
fi
if command -v fish >/dev/null; then
	export HOME=$T XDG_CONFIG_HOME=$T/fish XDG_DATA_HOME=$T/fish
	complete_fish() { fish -c "brig completion fish | source; complete -C '$1'"; }
	shows "fish: a verb" '^run' complete_fish 'brig ru'
	shows "fish: a value" '^container' complete_fish 'brig run --wall con'
	shows "fish: agents" '^claude' complete_fish 'brig run cla'
	unset XDG_CONFIG_HOME XDG_DATA_HOME
else
	skip "fish: a verb" "fish is not installed"
fi
refuses "no completion for other shells" 'bash, zsh and fish' brig completion tcsh

# what make install puts beside the program
prefix=$(dirname "$(dirname "$(readlink -f "$BRIG")")")
missing=
for verb in "${verbs[@]}"; do
	[ -f "$prefix/share/man/man1/brig-$verb.1" ] || missing+="$verb "
done
check "every verb has a manual page" [ -z "$missing" ]
check "every manual page has a verb" [ "$(find "$prefix/share/man/man1" -name 'brig-*.1' | wc -l)" = "${#verbs[@]}" ]
check "brig(1) lists every verb" \
	[ "$(grep -c '^\.It Xr brig-' "$prefix/share/man/man1/brig.1")" = "${#verbs[@]}" ]
for file in man/man5/brig-agents.5 bash-completion/completions/brig zsh/site-functions/_brig \
	fish/vendor_completions.d/brig.fish brig/agents/claude.json; do
	check "$file is installed" [ -s "$prefix/share/$file" ]
done
check "the program needs no heavy library" bash -c \
	"! ldd '$BRIG' | grep -E 'curl|archive|crypto|ssl|seccomp'"
finish

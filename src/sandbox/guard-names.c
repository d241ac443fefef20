/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/guard-names.h"

#include <string.h>
#include <strings.h>

/*
 * .gitmodules is not here: git refuses commands in it since 2.20. Neither are .npmrc,
 * .env, .editorconfig and their like, which steer a program that the person starts.
 */
static const struct guard_name dotted[] = {
	/* shells: at start, at login, at the end; where the workspace is a home or has
	   one */
	{ ".bashrc", "bash runs it when it starts" },
	{ ".bash_profile", "bash runs it at login" },
	{ ".bash_login", "bash runs it at login" },
	{ ".bash_logout", "bash runs it at logout" },
	{ ".bash_aliases", "Debian's .bashrc runs it" },
	{ ".bashrc.d/", "Fedora's .bashrc runs what is in it" },
	{ ".bash_completion", "bash-completion runs it" },
	{ ".profile", "every login shell runs it" },
	{ ".shrc", "sh runs it when it starts" },
	{ ".shinit", "sh runs it when it starts" },
	{ ".kshrc", "ksh runs it when it starts" },
	{ ".mkshrc", "mksh runs it when it starts" },
	{ ".yashrc", "yash runs it when it starts" },
	{ ".zshrc", "zsh runs it when it starts" },
	{ ".zshenv", "zsh runs it when it starts" },
	{ ".zprofile", "zsh runs it at login" },
	{ ".zlogin", "zsh runs it at login" },
	{ ".zlogout", "zsh runs it at logout" },
	{ ".cshrc", "csh runs it when it starts" },
	{ ".tcshrc", "tcsh runs it when it starts" },
	{ ".login", "csh runs it at login" },
	{ ".logout", "csh runs it at logout" },
	{ ".xonshrc", "xonsh runs it when it starts" },
	{ ".config/xonsh/", "xonsh runs it when it starts" },
	{ ".config/fish/", "fish runs what is in it when it starts" },
	{ ".config/nushell/", "nushell runs what is in it when it starts" },
	{ ".config/powershell/", "PowerShell runs what is in it when it starts" },
	{ ".config/bash/", "bash set-ups read it when it starts" },
	{ ".config/zsh/", "zsh set-ups read it when it starts" },
	/* sessions: where the workspace is a home */
	{ ".pam_environment", "login takes LD_PRELOAD and the like from it" },
	{ ".config/environment.d/", "systemd gives its variables to every service" },
	{ ".config/systemd/", "systemd starts its units" },
	{ ".local/share/systemd/", "systemd starts its units" },
	{ ".config/autostart/", "the desktop starts its programs at login" },
	{ ".xinitrc", "startx runs it" },
	{ ".xsession", "the display manager runs it" },
	{ ".xsessionrc", "the display manager runs it" },
	{ ".xprofile", "the display manager runs it" },
	{ ".ssh/", "ssh runs ProxyCommand, sshd admits keys and runs rc" },
	{ ".screenrc", "screen runs its commands" },
	{ ".tmux.conf", "tmux runs its commands" },
	{ ".config/tmux/", "tmux runs its commands" },
	{ ".lessfilter", "lesspipe runs it for every file that less shows" },
	{ ".mailcap", "viewers run its commands" },
	/* on entering a directory */
	{ ".envrc", "direnv runs it in this directory" },
	{ ".rvmrc", "rvm runs it in this directory" },
	{ ".mise.toml", "mise runs its hooks in this directory" },
	{ ".config/mise/", "mise runs its hooks" },
	{ ".config/mise.toml", "mise runs its hooks in this directory" },
	/* version control: configuration and hooks that a commit or a status reads */
	{ ".gitconfig", "git runs commands of its keys" },
	{ ".config/git/", "git runs commands of its keys and hooks" },
	{ ".hg/hgrc", "Mercurial runs its hooks and extensions" },
	{ ".hgrc", "Mercurial runs its hooks and extensions" },
	{ ".jj/repo/config.toml", "jj runs commands of its keys" },
	{ ".husky/", "husky runs it as git's hooks" },
	{ ".pre-commit-config.yaml", "pre-commit's git hooks run its commands" },
	{ ".lefthook.yml", "lefthook's git hooks run its commands" },
	{ ".lefthook.yaml", "lefthook's git hooks run its commands" },
	{ ".overcommit.yml", "overcommit's git hooks run its commands" },
	/* editors: on opening the directory */
	{ ".vscode/tasks.json", "VS Code runs tasks when the folder opens" },
	{ ".vscode/launch.json", "VS Code starts what it names" },
	{ ".vscode/settings.json", "VS Code starts programs whose paths it gives" },
	{ ".vscode/extensions.json", "VS Code offers to install what it names" },
	{ ".vscode/mcp.json", "VS Code starts the servers that it names" },
	{ ".devcontainer/", "VS Code runs initializeCommand on the host" },
	{ ".devcontainer.json", "VS Code runs initializeCommand on the host" },
	{ ".idea/", "JetBrains IDEs run its tasks and watchers" },
	{ ".fleet/", "JetBrains Fleet runs its tasks" },
	{ ".zed/", "Zed starts programs whose paths it gives" },
	{ ".helix/", "Helix starts the language servers that it names" },
	{ ".vimrc", "vim runs it" },
	{ ".gvimrc", "vim runs it" },
	{ ".vim/", "vim runs its plugins" },
	{ ".exrc", "vim runs it in this directory, where 'exrc' is set" },
	{ ".nvimrc", "neovim runs it in this directory, where 'exrc' is set" },
	{ ".nvim.lua", "neovim runs it in this directory, where 'exrc' is set" },
	{ ".lvimrc", "vim's localvimrc runs it in this directory" },
	{ ".config/nvim/", "neovim runs it when it starts" },
	{ ".emacs", "Emacs runs it when it starts" },
	{ ".emacs.d/", "Emacs runs it when it starts" },
	{ ".config/emacs/", "Emacs runs it when it starts" },
	{ ".dir-locals.el", "Emacs evaluates it on opening a file here" },
	{ ".dir-locals-2.el", "Emacs evaluates it on opening a file here" },
	{ ".nanorc", "nano runs its spellers and formatters" },
	/* agents: hooks, servers and permissions for one that runs outside of a sandbox
	 */
	{ ".mcp.json", "agents start the servers that it names" },
	{ ".claude.json", "Claude Code starts the servers that it names" },
	{ ".claude/settings.json", "Claude Code runs its hooks" },
	{ ".claude/settings.local.json", "Claude Code runs its hooks" },
	{ ".claude/hooks/", "Claude Code's hooks live here" },
	{ ".claude/commands/", "Claude Code runs the commands in it" },
	{ ".claude/agents/", "Claude Code takes agents and their permissions from it" },
	{ ".claude/skills/", "Claude Code runs the scripts in it" },
	{ ".claude/plugins/", "Claude Code runs the hooks in it" },
	{ ".codex/", "Codex starts the servers that it names" },
	{ ".gemini/", "Gemini CLI starts the servers that it names" },
	{ ".cursor/", "Cursor starts the servers and hooks that it names" },
	{ ".windsurf/", "Windsurf starts the servers that it names" },
	{ ".copilot/", "Copilot CLI starts the servers that it names" },
	{ ".opencode/", "opencode runs its plugins" },
	{ ".aider.conf.yml", "aider runs its test and lint commands" },
	/* debuggers and prompts: on starting in this directory */
	{ ".gdbinit", "gdb runs it in this directory" },
	{ ".gdbearlyinit", "gdb runs it when it starts" },
	{ ".config/gdb/", "gdb runs it when it starts" },
	{ ".lldbinit", "lldb runs it in this directory" },
	{ ".pdbrc", "Python's pdb runs it in this directory" },
	{ ".ipython/", "IPython runs its start-up files" },
	{ ".jupyter/", "Jupyter runs its configuration" },
	{ ".irbrc", "irb runs it in this directory" },
	{ ".pryrc", "pry runs it in this directory" },
	{ ".Rprofile", "R runs it in this directory" },
	{ ".ghci", "ghci runs it in this directory" },
	{ ".iex.exs", "iex runs it in this directory" },
	{ ".erlang", "erl runs it in this directory" },
	{ ".octaverc", "Octave runs it in this directory" },
	{ ".psqlrc", "psql runs its commands" },
	{ ".sqliterc", "sqlite3 runs its commands" },
};

/* Names without a dot in front: one component each, so that most paths are told by their
 * end. */
static const struct guard_name plain[] = {
	{ "mise.toml", "mise runs its hooks in this directory" },
	{ "lefthook.yml", "lefthook's git hooks run its commands" },
	{ "lefthook.yaml", "lefthook's git hooks run its commands" },
	{ "lefthook-local.yml", "lefthook's git hooks run its commands" },
	{ "*.code-workspace", "VS Code runs tasks when the workspace opens" },
	{ "opencode.json", "opencode starts the servers that it names" },
	{ "opencode.jsonc", "opencode starts the servers that it names" },
};

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static size_t component(const char *p)
{
	return strcspn(p, "/");
}

/* Does 'row' match the components that start at 'p'? */
static bool match_at(const char *row, const char *p)
{
	for (;;) {
		size_t n = component(row), m = component(p);

		if (n != m || strncasecmp(row, p, n) != 0)
			return false;
		row += n;
		p += m;
		if (row[0] == '\0' || row[1] == '\0')
			return *row == '/' ? *p == '/' : *p == '\0';
		if (*p == '\0')
			return false;
		row++;
		p++;
	}
}

static const struct guard_name *match_last(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < COUNT(plain); i++) {
		const char *row = plain[i].path;
		size_t m = strlen(row) - 1;

		if (*row == '*' ? n > m && strcasecmp(name + n - m, row + 1) == 0
				: strcasecmp(name, row) == 0)
			return &plain[i];
	}
	return NULL;
}

const struct guard_name *guard_name_match(const char *path, size_t *base)
{
	const char *p = path;

	for (;; p++) {
		for (size_t i = 0; *p == '.' && i < COUNT(dotted); i++)
			if (match_at(dotted[i].path, p)) {
				*base = (size_t)(p - path);
				return &dotted[i];
			}
		if (!p[component(p)])
			break;
		p += component(p);
	}
	*base = (size_t)(p - path);
	return match_last(p);
}

const struct guard_name *guard_name_leads(const char *path)
{
	for (const char *p = path;; p++) {
		size_t n = strlen(p);

		for (size_t i = 0; *p == '.' && i < COUNT(dotted); i++)
			if (strncasecmp(dotted[i].path, p, n) == 0 &&
				dotted[i].path[n] == '/')
				return &dotted[i];
		p += component(p);
		if (!*p)
			return NULL;
	}
}

bool guard_name_is_packages(const char *name)
{
	static const char *const trees[] = { "node_modules", "site-packages",
		"dist-packages", "bower_components", ".pnpm-store" };

	for (size_t i = 0; i < COUNT(trees); i++)
		if (strcmp(name, trees[i]) == 0)
			return true;
	return false;
}

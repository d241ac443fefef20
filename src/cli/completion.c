/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/completion.h"

#include "base/buf.h"
#include "cli/command.h"
#include "cli/out.h"
#include "cli/verbs.h"

int completion_walk(completion_each *each, struct buf *out)
{
	int r = 0;

	for (const struct command *const *c = commands; *c && r == 0; c++) {
		if ((*c)->hidden)
			continue;
		r = each(*c, NULL, out);
		for (const struct command *const *s = (*c)->sub; s && *s && r == 0; s++)
			if (!(*s)->hidden)
				r = each(*s, *c, out);
	}
	return r;
}

static const struct {
	const char *shell;
	int (*write)(struct buf *out);
} shells[] = { { "bash", completion_bash }, { "zsh", completion_zsh },
	{ "fish", completion_fish } };

static int run(const struct invocation *inv, struct err *e)
{
	const char *shell = inv->words.v[0];
	auto_free char *shown = NULL;
	auto_buf struct buf text = { 0 };

	for (size_t i = 0; i < sizeof(shells) / sizeof(*shells); i++) {
		if (strcmp(shells[i].shell, shell) != 0)
			continue;
		if (shells[i].write(&text) < 0)
			return err_set(e, ENOMEM, "out of memory");
		return out_text(text.data) < 0 ? EXIT_BRIG : 0;
	}
	shown = str_escape(shell);
	(void)err_set(e, EINVAL, "no completion for '%.80s'", shown ? shown : "?");
	err_hint(e, "there is one for bash, zsh and fish");
	return -EINVAL;
}

const struct command verb_completion = {
	.name = "completion",
	.usage = "bash|zsh|fish",
	.brief = "Print a script that completes brig's words in a shell",
	.detail = "Where brig is installed by 'make install' the scripts are installed "
		  "with "
		  "it. Without that:\n\n"
		  "  source <(brig completion bash)     in ~/.bashrc\n"
		  "  source <(brig completion zsh)      in ~/.zshrc, after compinit\n"
		  "  brig completion fish | source      in ~/.config/fish/config.fish\n",
	.words_min = 1,
	.words_max = 1,
	.complete = "bash zsh fish",
	.run = run,
};

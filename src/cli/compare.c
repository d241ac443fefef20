/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/compare.h"

#include "base/file.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/compare-probes.h"
#include "cli/out.h"
#include "cli/verbs.h"
#include "cli/wrap.h"
#include "compare/json.h"
#include "compare/page.h"
#include "compare/table.h"

#define AGENTS_DEFAULT 10
#define ROUNDS_DEFAULT 10
#define ROUNDS_MAX     1000

struct compare_args {
	bool json, markdown, peers, probes;
	char *image, *html;
	struct strv walls;
	uint64_t agents, rounds;
};

static const struct opt opts[] = {
	OPT(struct compare_args, "walls", 0, "LIST", walls, opt_list,
		"only these, with a comma between them",
		.words = "chroot nspawn container sentry microvm"),
	OPT(struct compare_args, "peers", 0, NULL, peers, opt_bool,
		"bubblewrap beside them, where it is installed"),
	OPT(struct compare_args, "probes", 0, NULL, probes, opt_bool,
		"try to escape from each instead, and tell what stops it"),
	OPT(struct compare_args, "agents", 0, "N", agents, opt_count,
		"so many side by side for their memory; default 10"),
	OPT(struct compare_args, "rounds", 0, "N", rounds, opt_count,
		"measure each so often; default 10"),
	OPT(struct compare_args, "image", 0, "IMAGE", image, opt_str,
		"the root file system of all; default: the host's", .words = "@image"),
	OPT(struct compare_args, "json", 0, NULL, json, opt_bool, "as JSON"),
	OPT(struct compare_args, "markdown", 0, NULL, markdown, opt_bool,
		"as tables of Markdown"),
	OPT(struct compare_args, "html", 0, "FILE", html, opt_str,
		"write a page with plots to FILE as well", .words = "@file"),
	{ 0 },
};

static void clear(void *args)
{
	struct compare_args *a = args;

	strv_clear(&a->walls);
	free(a->image);
	free(a->html);
}

/* One line, which the next one takes the place of. */
static void show_progress(const char *text)
{
	fprintf(stderr, "\r\033[K%s", text);
	(void)fflush(stderr);
}

static int print_note(const char *text)
{
	auto_buf struct buf out = { 0 };
	int r = wrap_text(text, out_columns(), &out);

	return r == 0 ? out_line("%s%s%s", out_on(OUT_DIM), out.data, out_off()) : r;
}

static int print_table(const struct table *t)
{
	struct out_table *out =
		out_table_new((const char *const *)t->heads.v, t->heads.n);
	int r = out ? 0 : -ENOMEM;

	for (size_t i = 0; i < t->cells.n && r == 0; i += t->heads.n)
		r = out_table_add(out, (const char *const *)t->cells.v + i);
	if (r == 0)
		r = out_line("%s%s%s", out_on(OUT_BOLD), t->title, out_off());
	if (r == 0)
		r = out_table_print(out);
	out_table_free(out);
	for (size_t i = 0; i < t->notes.n && r == 0; i++)
		r = print_note(t->notes.v[i]);
	return r == 0 ? out_text("\n") : r;
}

static int print_markdown(const struct table *t)
{
	auto_buf struct buf text = { 0 };
	int r = table_markdown(t, &text);

	return r == 0 ? out_text(text.data) : r;
}

static int print(struct compare *c, const struct compare_args *a, struct err *e)
{
	int r = 0;

	if (a->json) {
		auto_json struct json *j = compare_json(c);

		return j ? out_json(j, e) : err_set(e, ENOMEM, "out of memory");
	}
	for (unsigned kind = 0; kind < TABLES && r == 0; kind++) {
		AUTO(table_clear) struct table t = { 0 };

		r = table_make((enum table_kind)kind, c, &t);
		if (r == 0)
			r = a->markdown ? print_markdown(&t) : print_table(&t);
	}
	return r < 0 ? err_set(e, -r, "print the tables: %s", strerrordesc_np(-r)) : 0;
}

/* Opened before it all, as nobody wants to wait minutes for "permission denied". */
static int open_page(const char *path, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	return fd < 0 ? err_sys(e, "write '%s'", path) : fd;
}

static int write_page(struct compare *c, int fd, const char *path, struct err *e)
{
	auto_buf struct buf page = { 0 };
	int r = page_make(c, &page);

	r = r == 0 ? file_write_all(fd, page.data, page.len) : r;
	return r < 0 ? err_set(e, -r, "write '%s': %s", path, strerrordesc_np(-r)) : 0;
}

static int split_walls(const struct strv *given, struct strv *ret, struct err *e)
{
	for (size_t i = 0; i < given->n; i++)
		if (strv_split(ret, given->v[i], ",") < 0)
			return err_set(e, ENOMEM, "out of memory");
	return 0;
}

static int run(const struct invocation *inv, struct err *e)
{
	const struct compare_args *a = inv->args;
	auto_strv struct strv walls = { 0 };
	struct compare c = { .image = a->image,
		.agents = a->agents ? (unsigned)a->agents : AGENTS_DEFAULT,
		.rounds = a->rounds ? (unsigned)a->rounds : ROUNDS_DEFAULT,
		.progress = isatty(STDERR_FILENO) ? show_progress : NULL };
	auto_fd int page = -1;
	int r;

	if (a->agents > AGENTS_MAX || a->rounds > ROUNDS_MAX)
		return err_set(e, EINVAL, "--agents is at most %d, --rounds at most %d",
			AGENTS_MAX, ROUNDS_MAX);
	if (a->probes && (a->markdown || a->html || a->peers))
		return err_set(e, EINVAL,
			"--probes goes with --walls, --image and --json alone");
	r = split_walls(&a->walls, &walls, e);
	if (r == 0 && a->html)
		r = page = open_page(a->html, e);
	if (r < 0)
		return r;
	exec_catch_signals();
	r = compare_begin(&c, &walls, a->peers, e);
	if (r == 0 && a->probes) {
		r = compare_probes(&c, a->json, e);
		compare_end(&c);
		return r;
	}
	if (r == 0)
		r = compare_measure(&c, e);
	if (c.progress)
		show_progress("");
	if (r == 0)
		r = print(&c, a, e);
	if (r == 0 && page >= 0)
		r = write_page(&c, page, a->html, e);
	compare_end(&c);
	return r;
}

const struct command verb_compare = {
	.name = "compare",
	.usage = "[OPTIONS]",
	.brief = "measure what each wall costs and separates on this machine",
	.detail =
		"Runs each wall on the same image, in turns, and prints what an agent in "
		"it takes of memory and time to start, what it can see and reach of this "
		"machine, and how fast work is in it. Each figure is the median of all "
		"rounds, in brackets what 10 and 90 of a hundred of them are not above. "
		"Beside them stands what is commonly said.\n\n"
		"A wall that this machine can't run is a row that says why. Nothing is "
		"left behind, also when it is interrupted.",
	.opts = opts,
	.args_size = sizeof(struct compare_args),
	.run = run,
	.clear = clear,
};

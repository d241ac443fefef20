/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor.c - tells a person what works on this machine, what doesn't, and what to do.
 */
#include "cli/doctor.h"

#include "base/buf.h"
#include "cli/command.h"
#include "cli/out.h"
#include "cli/verbs.h"
#include "cli/wrap.h"
#include "wall/wall.h"

#include <sys/utsname.h>

#define MARK 11 /* "  degraded " */
#define NAME 20

struct args {
	bool json;
};

static const struct opt options[] = {
	OPT(struct args, "json", 0, NULL, json, opt_bool, "print JSON"),
	{ 0 },
};

/* A text from column 'indent' on, under a first line that the caller has begun. */
static int put(unsigned indent, const char *text)
{
	auto_buf struct buf out = { 0 };
	auto_free char *shown = str_escape(text);
	struct wrap_item item = { "", shown, indent, out_columns() };

	if (!shown || wrap_item(&item, &out) < 0)
		return -ENOMEM;
	return out_text(out.data);
}

static int begin(enum out_style style, const char *mark, const char *name)
{
	return printf("  %s%-8s%s %-*s", out_on(style), mark, out_off(), NAME, name) < 0
		? -EIO
		: 0;
}

/* What stands beside a name: the first line goes on where begin() ended. */
static int beside(const char *text)
{
	auto_buf struct buf out = { 0 };
	auto_free char *shown = str_escape(text);
	struct wrap_item item = { "", shown, MARK + NAME, out_columns() };

	if (!shown || wrap_item(&item, &out) < 0)
		return -ENOMEM;
	return out_text(out.data + MARK + NAME);
}

static int under(const char *word, const char *text)
{
	auto_free char *all = str_printf("%s%s", word, text);

	return all ? put(MARK + NAME, all) : -ENOMEM;
}

static int print_wall(const struct doctor *d, const struct doctor_wall *w)
{
	bool works = w->err.code == 0;
	auto_free char *brief = str_printf("%s%s", w->wall->brief,
		w->wall == d->best ? " (auto takes this one)" : "");
	int r = begin(
		works ? OUT_GREEN : OUT_RED, works ? "ok" : "missing", w->wall->name);

	if (r == 0)
		r = brief ? beside(brief) : -ENOMEM;
	if (r == 0 && !works)
		r = under("lacks: ", w->err.msg);
	/* a wall's own hint may be to come here */
	if (r == 0 && !works && w->err.hint[0] && !strstr(w->err.hint, "brig doctor"))
		r = under("-> ", w->err.hint);
	if (r == 0)
		r = under("doesn't stop: ", w->wall->passes);
	return r == 0 && w->wall->not_auto ? under("not by itself: ", w->wall->not_auto)
					   : r;
}

static int print_rows(const struct doctor_row *rows, size_t n)
{
	static const enum out_style styles[] = { OUT_GREEN, OUT_YELLOW, OUT_RED };
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		const struct probe_result *p = &rows[i].result;

		r = begin(styles[p->state], probe_state_name(p->state), rows[i].name);
		if (r == 0)
			r = beside(p->detail);
		if (r == 0 && p->state != PROBE_OK)
			r = under("for: ", rows[i].what);
		if (r == 0 && p->remedy[0])
			r = under("-> ", p->remedy);
	}
	return r;
}

static int title(const char *text)
{
	return out_line("\n%s%s%s", out_on(OUT_BOLD), text, out_off());
}

static int verdict(const struct doctor *d)
{
	if (!d->good)
		return out_line(
			"\n%sNo wall that separates processes works here.%s The lines "
			"marked missing say what to do.",
			out_on(OUT_RED), out_off());
	return out_line("\n%s'brig run' takes the %s wall on this machine.%s",
		out_on(OUT_GREEN), d->best->name, out_off());
}

static int print(const struct doctor *d)
{
	struct utsname u = { 0 };
	int r;

	(void)uname(&u);
	r = out_line("brig %s on Linux %s, %s, as %s", BRIG_VERSION, u.release, u.machine,
		geteuid() == 0 ? "root" : "an ordinary user");
	if (r == 0)
		r = title("Walls, the strongest first");
	for (size_t i = d->walls_n; i-- > 0 && r == 0;)
		r = print_wall(d, &d->walls[i]);
	if (r == 0)
		r = title("What the kernel and its set-up give");
	if (r == 0)
		r = print_rows(d->system, d->system_n);
	if (r == 0)
		r = title("What is brig's own");
	if (r == 0)
		r = print_rows(d->own, d->own_n);
	if (r == 0)
		r = title("User ids");
	if (r == 0)
		r = put(2, d->ids);
	return r == 0 ? verdict(d) : r;
}

static int run(const struct invocation *inv, struct err *e)
{
	const struct args *a = inv->args;
	auto_free struct doctor *d = calloc(1, sizeof(*d));
	auto_json struct json *j = NULL;

	if (!d)
		return err_set(e, ENOMEM, "out of memory");
	doctor_look(d);
	if (!a->json)
		return print(d) < 0 ? EXIT_BRIG : d->good ? 0 : 1;
	j = doctor_json(d);
	if (!j)
		return err_set(e, ENOMEM, "out of memory");
	return out_json(j, e) < 0 ? EXIT_BRIG : d->good ? 0 : 1;
}

const struct command verb_doctor = {
	.name = "doctor",
	.usage = "[--json]",
	.brief = "Tell which walls work on this machine, and what to do about the others",
	.detail =
		"Everything is found out by trying it, in a child process, and nothing "
		"is "
		"changed. For each wall it says what it doesn't stop.\n\n"
		"The exit status is 0 when a wall that separates processes works, nspawn "
		"or a stronger one, and 1 when none does.",
	.opts = options,
	.args_size = sizeof(struct args),
	.run = run,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "base/opts.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/test.h"

struct args {
	bool tty, interactive;
	char *name;
	struct strv env;
	uint64_t memory, timeout, pids, cpus;
};

static const struct opt table[] = {
	OPT(struct args, "tty", 't', NULL, tty, opt_bool, "a terminal"),
	OPT(struct args, "interactive", 'i', NULL, interactive, opt_bool, "input"),
	OPT(struct args, "name", 0, "NAME", name, opt_str, "its name"),
	OPT(struct args, "env", 'e', "K=V", env, opt_list, "a variable"),
	OPT(struct args, "memory", 'm', "SIZE", memory, opt_size, "a limit"),
	OPT(struct args, "timeout", 0, "TIME", timeout, opt_duration,
		"a long text that has to be wrapped because it does not fit beside the "
		"option on a terminal of eighty columns"),
	OPT(struct args, "pids", 0, "N", pids, opt_count, "another limit"),
	OPT(struct args, "cpus", 0, "N", cpus, opt_cpus, "and another"),
	{ 0 },
};

struct parsed {
	struct args a;
	struct strv words, rest;
	struct opts_result result;
	struct err e;
	int r;
};

static void parse(struct parsed *p, unsigned flags, const char *line)
{
	auto_strv struct strv argv = { 0 };
	char *const none[] = { NULL };

	*p = (struct parsed){ 0 };
	p->result = (struct opts_result){ .words = &p->words, .rest = &p->rest };
	expect(strv_split(&argv, line, " ") == 0);
	p->r = opts_parse(table, &p->a, argv.v ? argv.v : none, flags, &p->result, &p->e);
}

static void clear(struct parsed *p)
{
	free(p->a.name);
	strv_clear(&p->a.env);
	strv_clear(&p->words);
	strv_clear(&p->rest);
}

TEST(every_spelling_of_a_value_is_the_same)
{
	static const char *const lines[] = { "--env A=1", "--env=A=1", "-e A=1", "-eA=1",
		"-e=A=1", "-te A=1", "-iteA=1" };
	struct parsed p;

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		parse(&p, 0, lines[i]);
		expect(p.r == 0 && p.a.env.n == 1);
		expect_str(p.a.env.v[0], "A=1");
		clear(&p);
	}
}

TEST(words_and_options_mix_until_two_dashes)
{
	struct parsed p;

	parse(&p, 0, "one -it two --name x - -- -t three --");
	expect(p.r == 0 && p.a.tty && p.a.interactive && p.result.dashes);
	expect_str(p.a.name, "x");
	expect(p.words.n == 3 && strcmp(p.words.v[2], "-") == 0);
	expect(p.rest.n == 3 && strcmp(p.rest.v[0], "-t") == 0 &&
		strcmp(p.rest.v[2], "--") == 0);
	clear(&p);
}

TEST(the_first_word_ends_the_options_where_asked)
{
	struct parsed p;

	parse(&p, OPTS_STOP_AT_FIRST, "-t box ls -la --color");
	expect(p.r == 0 && p.a.tty && p.words.n == 1 && p.rest.n == 3 &&
		!p.result.dashes);
	clear(&p);
	parse(&p, OPTS_STOP_AT_FIRST, "box -- ls -t");
	expect(p.r == 0 && !p.a.tty && p.words.n == 1 && p.rest.n == 2 &&
		p.result.dashes);
	clear(&p);
}

TEST(the_last_value_wins_and_lists_grow)
{
	struct parsed p;

	parse(&p, 0, "--name a -e A --name=b -e B");
	expect(p.r == 0 && p.a.env.n == 2);
	expect_str(p.a.name, "b");
	clear(&p);
	parse(&p, 0, "--name=");
	expect(p.r == 0);
	expect_str(p.a.name, "");
	clear(&p);
}

TEST(an_unknown_option_names_the_nearest)
{
	struct parsed p;

	parse(&p, 0, "--memry=1g");
	expect(p.r == -EINVAL);
	expect_str(p.e.msg, "unknown option '--memry'");
	expect_str(p.e.hint, "did you mean '--memory'?");
	clear(&p);
	parse(&p, 0, "-tZ");
	expect(p.r == -EINVAL);
	expect_str(p.e.msg, "unknown option '-Z'");
	clear(&p);
	parse(&p, 0, "--t\033[31m");
	expect(p.r == -EINVAL && !strchr(p.e.msg, '\033'));
	clear(&p);
}

TEST(a_value_too_few_or_too_many_is_an_error)
{
	struct parsed p;

	parse(&p, 0, "x --name");
	expect(p.r == -EINVAL);
	expect_str(p.e.msg, "option '--name' wants NAME");
	clear(&p);
	parse(&p, 0, "-te");
	expect(p.r == -EINVAL);
	expect_str(p.e.msg, "option '-e' wants K=V");
	clear(&p);
	parse(&p, 0, "--tty=yes");
	expect(p.r == -EINVAL);
	expect_str(p.e.msg, "option '--tty' takes no value");
	clear(&p);
}

TEST(values_are_checked_and_quoted)
{
	static const char *const bad[] = { "-m0", "-m12q", "-m-1", "-m", "--timeout=0",
		"--timeout=soon", "--pids=0", "--pids=99999999999", "--cpus=0",
		"--cpus=nan", "--cpus=1x", "--cpus=inf", "--cpus=-1" };
	struct parsed p;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		parse(&p, 0, bad[i]);
		expect(p.r < 0 && p.e.msg[0]);
		clear(&p);
	}
	parse(&p, 0, "-m 1.5g --timeout 1h30m --pids 20 --cpus 0.5");
	expect(p.r == 0 && p.a.memory == 3ULL << 29 && p.a.timeout == 5400000000000ULL);
	expect(p.a.pids == 20 && p.a.cpus == 500);
	clear(&p);
	parse(&p, 0, "-m 12q");
	expect(strstr(p.e.msg, "option '--memory'") && strstr(p.e.msg, "12q"));
	clear(&p);
}

TEST(help_is_two_columns_and_wraps)
{
	auto_buf struct buf out = { 0 };

	expect(opts_help(table, 80, &out) == 0);
	expect(strstr(out.data, "  -e, --env K=V"));
	expect(strstr(out.data, "      --name NAME"));
	for (const char *line = out.data; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		expect(strcspn(line, "\n") <= 80);
	}
}

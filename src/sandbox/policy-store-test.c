/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/policy-store.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/test.h"
#include "sandbox/policy-file.h"

#include <sys/wait.h>

static char home[] = "/tmp/brig-policy-test-XXXXXX";

static void remove_home(void)
{
	(void)file_remove_tree(AT_FDCWD, home, NULL);
}

static void write_file(const char *below, const char *text)
{
	auto_free char *path = str_printf("%s/%s", home, below);
	struct err e = { 0 };

	expect(file_replace(AT_FDCWD, path, text, strlen(text), 0600, 0, &e) == 0);
}

static char *read_file(const char *below)
{
	auto_free char *path = str_printf("%s/%s", home, below);
	auto_buf struct buf b = { 0 };
	struct err e = { 0 };

	expect(file_read(AT_FDCWD, path, 1 << 20, &b, &e) == 0);
	expect(buf_add_str(&b, "") == 0);
	return buf_take(&b);
}

/* A home of its own with a sandbox "one" in it; the presets are those that ship. */
static void set_up(void)
{
	auto_free char *path = NULL, *config = NULL;
	struct err e = { 0 };

	expect(mkdtemp(home) && atexit(remove_home) == 0);
	path = str_printf("%s/state/sandboxes/one", home);
	config = str_printf("%s/config", home);
	expect(file_mkdirs(AT_FDCWD, path, 0700, &e) == 0);
	expect(file_mkdirs(AT_FDCWD, config, 0700, &e) == 0);
	expect(setenv("BRIG_HOME", home, 1) == 0 &&
		setenv("BRIG_DATADIR", SHARE, 1) == 0);
	write_file("state/sandboxes/one/record.json",
		"{\"name\": \"one\", \"id\": \"0\", \"wall\": \"container\", \"argv\": "
		"[\"sh\"], "
		"\"root\": {\"kind\": \"host\", \"image\": \"host\"}, \"cwd\": \"/\", "
		"\"home\": \"/root\", \"hostname\": \"one\", \"net\": \"balanced\"}");
}

static int add(const char *sandbox, const char *line, struct err *e)
{
	auto_strv struct strv lines = { 0 };

	expect(strv_add(&lines, line) == 0);
	return policy_store_add(sandbox, &lines, NULL, e);
}

static struct policy_rules load(const char *preset, const char *sandbox)
{
	struct policy_rules rules = { 0 };
	struct err e = { 0 };
	struct policy_scope s = { .preset = preset, .global = true, .sandbox = sandbox };

	if (policy_rules_load(&s, &rules, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		exit(1);
	}
	return rules;
}

TEST(presets_that_ship_are_good_and_mean_what_they_say)
{
	static const struct {
		const char *preset, *name;
		bool allow;
	} cases[] = { { "locked", "github.com", false },
		{ "balanced", "github.com", true }, { "open", "github.com", true },
		{ "balanced", "api.anthropic.com", true },
		{ "balanced", "registry.npmjs.org", true },
		{ "balanced", "pypi.org", true }, { "balanced", "example.com", false },
		{ "open", "example.com", true }, { "balanced", "gist.github.com", false },
		{ "balanced", "storage.googleapis.com", false },
		{ "balanced", "s3.amazonaws.com", false },
		{ "balanced", "pastebin.com", false }, { "none", "github.com", false } };

	set_up();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		auto_policy_rules struct policy_rules rules = load(cases[i].preset, NULL);
		struct policy_query q = { .stage = POLICY_CONNECT,
			.proto = PROTO_TLS,
			.name = cases[i].name,
			.port = 443 };
		struct policy_verdict v;
		struct policy *p = NULL;
		struct err e = { 0 };

		expect(policy_rules_compile(&rules, NULL, &p, &e) == 0);
		policy_judge(p, &q, &v);
		if (v.allow != cases[i].allow) {
			fprintf(stderr, "%s: %s\n", cases[i].preset, cases[i].name);
			exit(1);
		}
		expect(!v.allow || str_starts(v.rule->origin, "preset "));
		policy_free(p);
	}
}

TEST(no_rule_of_a_preset_is_there_twice)
{
	set_up();
	for (const char *const *name = policy_presets; *name; name++) {
		auto_policy_rules struct policy_rules rules = load(*name, NULL);

		for (size_t i = 0; i < rules.n; i++)
			for (size_t k = i + 1; k < rules.n; k++)
				if (strcmp(rules.v[i].text, rules.v[k].text) == 0) {
					fprintf(stderr, "%s: %s\n", *name,
						rules.v[i].text);
					exit(1);
				}
	}
}

TEST(rules_are_added_once_and_found_again)
{
	struct err e = { 0 };

	set_up();
	expect(add(NULL, "allow A.example  # why", &e) == 1);
	expect(add(NULL, "allow a.example.", &e) == 0);
	expect(add("one", "deny b.example", &e) == 1);
	auto_policy_rules struct policy_rules rules = load("locked", "one");

	expect(rules.n == 2);
	expect_str(rules.v[0].text, "allow a.example");
	expect_str(rules.v[0].origin, "global");
	expect_str(rules.v[0].comment, "why");
	expect_str(rules.v[1].text, "deny b.example");
	expect_str(rules.v[1].origin, "sandbox");
}

TEST(what_an_agent_needs_keeps_its_origin)
{
	auto_strv struct strv lines = { 0 };
	auto_free char *dir = NULL;
	struct err e = { 0 };

	set_up();
	dir = str_printf("%s/state/sandboxes/one", home);
	auto_fd int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	expect(strv_add(&lines, "allow api.example.com") == 0 &&
		strv_add(&lines, "allow *.example.org:8443") == 0);
	expect(policy_store_add_at(fd, &lines, "agent", &e) == 2);
	expect(policy_store_add_at(fd, &lines, "agent", &e) == 0);
	expect(add("one", "allow own.example # by agents", &e) == 1);
	auto_policy_rules struct policy_rules rules = load(NULL, "one");

	expect(rules.n == 3 && !rules.v[0].comment);
	expect_str(rules.v[0].origin, "agent");
	expect_str(rules.v[1].text, "allow *.example.org:8443");
	expect_str(rules.v[2].origin, "sandbox");
	expect_str(rules.v[2].comment, "by agents");
}

TEST(an_edit_leaves_every_other_line_as_it_was)
{
	auto_strv struct strv removed = { 0 };
	struct err e = { 0 };

	set_up();
	write_file("config/policy.rules",
		"# mine\npreset open\n\n  allow  A.example\t# x\n"
		"deny b.example\n# end");
	expect(add(NULL, "allow c.example", &e) == 1);
	expect(policy_store_remove(NULL, "b.example", &removed, &e) == 0);
	auto_free char *text = read_file("config/policy.rules");

	expect_str(text,
		"# mine\npreset open\n\n  allow  A.example\t# x\n# end\n"
		"allow c.example\n");
	expect(removed.n == 1);
	expect_str(removed.v[0], "deny b.example");
	expect(policy_preset_set("locked", &e) == 0);
	auto_free char *again = read_file("config/policy.rules");

	expect_str(again,
		"preset locked\n# mine\n\n  allow  A.example\t# x\n# end\n"
		"allow c.example\n");
}

TEST(rules_are_removed_by_id_by_text_and_by_target)
{
	auto_strv struct strv removed = { 0 };
	char id[POLICY_ID_MAX];
	struct err e = { 0 };

	set_up();
	expect(add("one", "allow a.example", &e) == 1 &&
		add("one", "deny a.example", &e) == 1);
	expect(add("one", "allow a.example GET", &e) == 1 &&
		add("one", "allow 10.0.0.0/8", &e) == 1);
	auto_policy_rules struct policy_rules rules = load(NULL, "one");

	expect(policy_store_remove(
		       "one", policy_rule_id(&rules.v[3], id), &removed, &e) == 0);
	expect(removed.n == 1 && strcmp(removed.v[0], "allow 10.0.0.0/8") == 0);
	expect(policy_store_remove("one", "a.example get", &removed, &e) == 0 &&
		removed.n == 2);
	expect(policy_store_remove("one", "A.example", &removed, &e) == 0 &&
		removed.n == 4);
	expect(policy_store_remove("one", "a.example", &removed, &e) == -ENOENT);
	expect(policy_store_remove(NULL, "alow b.example", &removed, &e) == -ENOENT);
	auto_policy_rules struct policy_rules none = load(NULL, "one");

	expect(none.n == 0);
}

TEST(a_bad_line_is_an_error_that_names_file_and_line)
{
	auto_strv struct strv removed = { 0 };
	struct policy_rules rules = { 0 };
	struct policy_scope s = { .global = true };
	struct err e = { 0 };

	set_up();
	write_file("config/policy.rules",
		"allow a.example\n\nalow b.example\ndeny c.example\n");
	expect(policy_rules_load(&s, &rules, &e) == -EINVAL && rules.n == 0);
	expect(strstr(e.msg, "config/policy.rules:3: ") && strstr(e.hint, "allow"));
	expect(add(NULL, "allow d.example", &e) < 0);
	expect(policy_store_remove(NULL, "a.example", &removed, &e) < 0 &&
		removed.n == 0);
	write_file("config/policy.rules", "allow a.example\npreset open\n");
	expect(policy_rules_load(&s, &rules, &e) < 0 &&
		strstr(e.msg, "before the rules"));
	write_file("config/policy.rules", "preset balance\n");
	expect(policy_rules_load(&s, &rules, &e) < 0 && strstr(e.hint, "'balanced'"));
	write_file("config/policy.rules", "");
	write_file("state/sandboxes/one/policy.rules", "preset open\n");
	s.sandbox = "one";
	expect(policy_rules_load(&s, &rules, &e) < 0 &&
		strstr(e.msg, "global rules alone"));
	s.sandbox = "two";
	expect(policy_rules_load(&s, &rules, &e) == -ENOENT);
}

TEST(what_is_no_rule_is_not_added)
{
	auto_strv struct strv lines = { 0 };
	struct err e = { 0 };

	set_up();
	expect(strv_add(&lines, "allow a.example") == 0 &&
		strv_add(&lines, "allow *") == 0);
	expect(policy_store_add("one", &lines, NULL, &e) == -EINVAL);
	auto_policy_rules struct policy_rules rules = load(NULL, "one");

	expect(rules.n == 0);
}

TEST(the_default_preset_is_the_global_files_or_balanced)
{
	auto_free char *first = NULL, *second = NULL;
	struct err e = { 0 };

	set_up();
	expect(policy_preset_default(&first, &e) == 0);
	expect_str(first, "balanced");
	expect(policy_preset_set("opn", &e) == -EINVAL && strstr(e.hint, "open"));
	expect(policy_preset_set("open", &e) == 0 &&
		policy_preset_default(&second, &e) == 0);
	expect_str(second, "open");
}

TEST(edits_at_the_same_time_lose_nothing)
{
	enum { WRITERS = 6, EACH = 8 };
	int status;

	set_up();
	for (int w = 0; w < WRITERS; w++)
		if (fork() == 0) {
			struct err e = { 0 };

			for (int i = 0; i < EACH; i++) {
				auto_free char *line =
					str_printf("allow w%d-%d.example", w, i);

				if (add("one", line, &e) != 1)
					_exit(1);
			}
			_exit(0);
		}
	for (int w = 0; w < WRITERS; w++)
		expect(wait(&status) > 0 && status == 0);
	auto_policy_rules struct policy_rules rules = load(NULL, "one");

	expect(rules.n == WRITERS * EACH);
}

TEST(the_gate_is_told_origin_and_text)
{
	auto_buf struct buf text = { 0 };
	struct err e = { 0 };

	set_up();
	expect(add(NULL, "allow a.example GET", &e) == 1);
	auto_policy_rules struct policy_rules rules = load(NULL, NULL);
	auto_json struct json *j = policy_rules_json(&rules);

	expect(j && json_print(j, false, &text) == 0);
	expect(strstr(text.data, "global") && strstr(text.data, "allow a.example GET"));
	expect(json_len(j) == 1);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/policy/policy-path.h"

#include "base/test.h"
#include "gate/policy/policy.h"

#include <time.h>

static const char *norm(const char *target)
{
	static char out[RULE_PATH_MAX * 4];

	return policy_path(target, strlen(target), out) == 0 ? out : "refused";
}

TEST(one_path_has_one_spelling)
{
	expect_str(norm("/"), "/");
	expect_str(norm("*"), "*");
	expect_str(norm("/a/b?c=/../d"), "/a/b");
	expect_str(norm("/a#b"), "/a");
	expect_str(norm("/a//b///c"), "/a/b/c");
	expect_str(norm("/./a/./b/."), "/a/b/");
	expect_str(norm("/a/../b"), "/b");
	expect_str(norm("/a/b/.."), "/a/");
	expect_str(norm("/a/.."), "/");
	expect_str(norm("/a/b/"), "/a/b/");
	expect_str(norm("/%61%2D%2d%7E"), "/a--~");
	expect_str(norm("/a/%2e%2e/b"), "/b");
	expect_str(norm("/a/%2E/b"), "/a/b");
	expect_str(norm("/a%3Ab%40c%3bd"), "/a:b@c;d");
	expect_str(norm("/a%3fb%23c%25"), "/a%3Fb%23c%25");
	expect_str(norm("/a%20b%22"), "/a%20b%22");
	expect_str(norm("/caf\xc3\xa9"), "/caf%C3%A9");
	expect_str(norm("/caf%c3%a9"), "/caf%C3%A9");
	expect_str(norm("/..."), "/...");
	expect_str(norm("/a;x=1/b"), "/a;x=1/b");
	expect_str(norm("/.a/..b"), "/.a/..b");
}

TEST(a_path_that_can_be_read_in_two_ways_is_refused)
{
	static const char *const bad[] = { "", "a", "?a", "http://a/", "**", "/..",
		"/a/../..", "/%2e%2e", "/a%2fb", "/a%2Fb", "/a%5cb", "/a\\b", "/..\\a",
		"/a%00b", "/a%0ab", "/a\nb", "/a b", "/a%7f", "/%", "/%4", "/%zz",
		"/%u0061", "/%252e", "/%25%32%65", "/%252%65", "/..;/a", "/a/..;x/b",
		"/%2e%2e;/a", "/.;/a", "/%c0%ae", "/%c0%af", "/\xff", "/%e0%80%af",
		"/%ed%a0%80", "/%f4%90%80%80", "/%c3" };
	char out[RULE_PATH_MAX * 4], big[RULE_PATH_MAX * 4 + 1] = "/";

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (strcmp(norm(bad[i]), "refused") != 0) {
			fprintf(stderr, "'%s' is '%s'\n", bad[i], norm(bad[i]));
			exit(1);
		}
	expect(policy_path("/a\0b", 4, out) < 0);
	memset(big + 1, 'x', sizeof(big) - 2);
	expect(policy_path(big, sizeof(big) - 1, out) < 0);
	expect(policy_path(big, sizeof(big) - 2, out) == 0);
	memset(big + 1, '"', sizeof(big) - 2);
	expect(policy_path(big, sizeof(big) - 2, out) < 0);
}

TEST(normalising_twice_changes_nothing)
{
	static const char *const list[] = { "/a%3Ab/../c//d;e?f", "/%25", "/caf%c3%a9/.",
		"/%3F%23" };

	for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++) {
		char once[RULE_PATH_MAX * 4], twice[RULE_PATH_MAX * 4];

		expect(policy_path(list[i], strlen(list[i]), once) == 0);
		expect(policy_path(once, strlen(once), twice) == 0);
		expect_str(twice, once);
	}
}

TEST(one_star_stays_in_its_segment)
{
	expect(policy_path_matches("/a/*", "/a/b") && policy_path_matches("/a/*", "/a/"));
	expect(!policy_path_matches("/a/*", "/a/b/c") &&
		!policy_path_matches("/a/*", "/a"));
	expect(policy_path_matches("/*/c", "/b/c") &&
		!policy_path_matches("/*/c", "/a/b/c"));
	expect(policy_path_matches("/a*c", "/abbc") &&
		!policy_path_matches("/a*c", "/ab/c"));
	expect(policy_path_matches("/*a*b*", "/xaxbx") &&
		!policy_path_matches("/*a*b*", "/ba"));
}

TEST(two_stars_are_anything)
{
	expect(policy_path_matches("/v1/**", "/v1/") &&
		policy_path_matches("/v1/**", "/v1/a/b"));
	expect(!policy_path_matches("/v1/**", "/v1") &&
		!policy_path_matches("/v1/**", "/v10/a"));
	expect(policy_path_matches("/**/x", "/a/b/x") &&
		policy_path_matches("/**x", "/a/bx"));
	expect(policy_path_matches("/**/a/*/b", "/z/a/q/b"));
	expect(!policy_path_matches("/**/a/*/b", "/z/a/q/r/b"));
	expect(policy_path_matches("/**/a/*/b", "/a/a/q/r/a/s/b") &&
		policy_path_matches("/**", "/"));
	expect(!policy_path_matches("/**", "*"));
}

TEST(without_stars_a_pattern_is_the_path)
{
	expect(policy_path_matches("/a", "/a") && !policy_path_matches("/a", "/a/"));
	expect(!policy_path_matches("/a", "/A") && !policy_path_matches("/a", "/ab"));
	expect(!policy_path_matches("/ab", "/a"));
}

TEST(a_denial_also_holds_for_what_servers_make_of_a_path)
{
	expect(policy_path_denied("/admin", "/admin/") &&
		policy_path_denied("/admin", "/admin;x"));
	expect(policy_path_denied("/admin/**", "/admin;x=1/keys"));
	expect(policy_path_denied("/admin/**", "/;y/admin/keys"));
	expect(policy_path_denied("/a/b", "/a;x/b;y/") &&
		policy_path_denied("/a/b", "/a/;x/b"));
	expect(!policy_path_denied("/admin/**", "/administrator"));
	expect(!policy_path_denied("/admin", "/") && !policy_path_denied("/a", "*"));
	expect(policy_path_denied("/a;x", "/a;x"));
}

TEST(no_pattern_takes_long)
{
	char pattern[RULE_PATH_MAX + 1], path[RULE_PATH_MAX * 4];
	struct timespec a, b;

	pattern[0] = path[0] = '/';
	for (size_t i = 1; i < RULE_PATH_MAX; i++)
		pattern[i] = i % 3 == 2 ? 'a' : '*';
	pattern[RULE_PATH_MAX - 1] = 'b';
	pattern[RULE_PATH_MAX] = '\0';
	memset(path + 1, 'a', sizeof(path) - 2);
	path[sizeof(path) - 1] = '\0';
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	expect(!policy_path_matches(pattern, path));
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	/* two orders above what it takes; backtracking would outlive the machine */
	expect(b.tv_sec - a.tv_sec < 2);
}

/* What a pattern means, by trying everything. */
static bool slow(const char *p, const char *s)
{
	if (!*p)
		return !*s;
	if (p[0] == '*' && p[1] == '*')
		return slow(p + 2, s) || (*s && slow(p, s + 1));
	if (*p == '*')
		return slow(p + 1, s) || (*s && *s != '/' && slow(p, s + 1));
	return *p == *s && slow(p + 1, s + 1);
}

TEST(the_automaton_says_what_trying_everything_says)
{
	unsigned seed = 1;

	for (unsigned n = 0; n < 200000; n++) {
		char pattern[10], path[10];
		size_t m = (size_t)rand_r(&seed) % 9, l = (size_t)rand_r(&seed) % 9;

		for (size_t i = 0; i < m; i++)
			pattern[i] = "*/ab*"[rand_r(&seed) % 5];
		for (size_t i = 0; i < l; i++)
			path[i] = "/ab"[rand_r(&seed) % 3];
		pattern[m] = path[l] = '\0';
		if (strstr(pattern, "***"))
			continue;
		if (policy_path_matches(pattern, path) != slow(pattern, path)) {
			fprintf(stderr, "%s %s\n", pattern, path);
			exit(1);
		}
	}
}

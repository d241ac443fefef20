/* SPDX-License-Identifier: Apache-2.0 */
#include "image/challenge.h"

#include "base/test.h"

TEST(a_bearer_challenge_names_its_token_server)
{
	auto_challenge struct challenge c = { 0 };

	expect(challenge_add(&c,
		       "Bearer realm=\"https://auth.docker.io/token\",service=\""
		       "registry.docker.io\", scope=\"repository:a/b:pull\"") == 0);
	expect(c.bearer && !c.basic);
	expect_str(c.realm, "https://auth.docker.io/token");
	expect_str(c.service, "registry.docker.io");
	expect_str(c.scope, "repository:a/b:pull");
}

TEST(several_challenges_may_share_a_header)
{
	auto_challenge struct challenge c = { 0 };

	expect(challenge_add(&c,
		       "BASIC realm=\"x, y\", charset=UTF-8, bearer REALM = "
		       "\"https://t\\\"q\"") == 0);
	expect(c.bearer && c.basic);
	expect_str(c.realm, "https://t\"q");
	expect(challenge_add(&c, "Bearer realm=https") == 0);
	expect_str(c.realm, "https");
}

TEST(the_realm_of_basic_is_no_token_server)
{
	auto_challenge struct challenge c = { 0 };

	expect(challenge_add(&c, "Basic realm=\"https://evil.example/\"") == 0);
	expect(c.basic && !c.bearer && !c.realm);
}

TEST(odd_challenges_do_no_harm)
{
	auto_challenge struct challenge c = { 0 };

	expect(challenge_add(&c, "") == 0);
	expect(challenge_add(&c, "Bearer") == 0 && c.bearer && !c.realm);
	expect(challenge_add(&c, "Bearer realm=\"unterminated") == 0);
	expect_str(c.realm, "unterminated");
	expect(challenge_add(&c, "Bearer realm=\"a\rb\"") == 0);
	expect(!c.realm);
	expect(challenge_add(&c, "Bearer =x") == 0);
	expect(challenge_add(&c, "\x01") < 0);
}

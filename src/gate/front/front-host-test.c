/* SPDX-License-Identifier: Apache-2.0 */
/* Requests in clear, for hosts that were not looked up. */
#include "base/str.h"
#include "base/test.h"
#include "gate/front/front-lab.h"

static void settle(struct lab *l)
{
	for (int i = 0; i < 20; i++)
		lab_turn(l);
}

/* One request on a connection of its own; the whole answer. */
static void ask(struct lab *l, int fd, const char *text, struct buf *b)
{
	lab_say(l, fd, text);
	expect(lab_hear(l, fd, "\r\n\r\n", b));
}

TEST(where_the_address_is_allowed_a_name_is_unless_it_is_denied)
{
	static const struct {
		const char *host, *status;
	} is[] = { { "c.example", "200" }, { "9.9.9.1", "200" },
		{ "evil.example", "403" }, { "x.deep.evil.example", "403" },
		{ "gate.brig.internal", "403" }, { "host.brig.internal", "403" },
		{ "9.9.9.3", "403" }, { "c.example:81", "421" } };
	struct lab *l = lab_new("allow 9.9.9.1:80\ndeny evil.example\n"
				"deny **.evil.example\nallow evil.example\n"
				"allow host.brig.internal:80\n"
				"deny gate.brig.internal");

	for (size_t i = 0; i < sizeof(is) / sizeof(*is); i++) {
		int fd = lab_clear(l, "9.9.9.1");
		auto_buf struct buf b = { 0 };
		auto_free char *text =
			str_printf("GET /hello HTTP/1.1\r\nHost: %s\r\n\r\n", is[i].host);

		ask(l, fd, text, &b);
		if (strncmp(b.data + 9, is[i].status, 3) != 0)
			fprintf(stderr, "%s: %s", is[i].host, b.data);
		expect(strncmp(b.data + 9, is[i].status, 3) == 0);
		(void)close(fd);
	}
	/* to that address, and to no other that the name has */
	expect(l->requests == 2 && l->addrs_n == 1);
	lab_free(l);
}

TEST(a_name_that_was_not_looked_up_goes_with_the_rule_for_its_address)
{
	struct lab *l = lab_new("allow 9.9.9.1:80\nallow c.example");
	int fd = lab_clear(l, "9.9.9.1");
	auto_buf struct buf b = { 0 };

	lab_say(l, fd, "GET /hang HTTP/1.1\r\nHost: c.example\r\n\r\n");
	settle(l);
	expect(l->requests == 1 && l->denials == 0);
	lab_rules(l, "allow c.example");
	expect(lab_hear(l, fd, "\r\n\r\n", &b));
	expect(strncmp(b.data + 9, "403", 3) == 0 && l->denials == 1);
	(void)close(fd);
	/* the host's proxy would take it to where it thinks that name is */
	lab_rules(l, "allow 9.9.9.1:80\nallow c.example");
	l->g.proxy = true;
	fd = lab_clear(l, "9.9.9.1");
	b.len = 0;
	ask(l, fd, "GET /hello HTTP/1.1\r\nHost: c.example\r\n\r\n", &b);
	expect(strncmp(b.data + 9, "403", 3) == 0 && l->requests == 1);
	(void)close(fd);
	lab_free(l);
}

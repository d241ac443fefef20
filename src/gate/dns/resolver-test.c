/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/dns/resolver.h"

#include "base/clock.h"
#include "base/loop.h"
#include "base/test.h"
#include "gate/dns/dns-stub.h"

struct got {
	unsigned calls;
	struct resolver_answer a;
};

struct set {
	struct loop *loop;
	struct resolver *r;
	struct dns_stub stub;
};

static void on_answer(const struct resolver_answer *a, void *data)
{
	struct got *got = data;

	got->calls++;
	got->a = *a;
}

static struct address addr(const char *text)
{
	struct address a;

	expect(address_parse(text, &a) == 0);
	return a;
}

static void set_up(struct set *s)
{
	struct address server = addr("127.0.0.1");

	expect(loop_new(&s->loop, NULL) == 0);
	expect(resolver_new(s->loop, &s->r, NULL) == 0);
	dns_stub_start(&s->stub, s->loop);
	expect(resolver_add_server(s->r, &server, s->stub.port) == 0);
}

static void set_down(struct set *s)
{
	resolver_free(s->r);
	loop_free(s->loop);
	(void)close(s->stub.udp);
	(void)close(s->stub.tcp);
}

static void run_until(struct set *s, const unsigned *calls, unsigned want, unsigned max_s)
{
	uint64_t end = clock_mono_ns() + max_s * NS_PER_SEC;

	while (*calls < want && clock_mono_ns() < end)
		expect(loop_once(s->loop, 100) == 0);
	expect(*calls == want);
}

static struct resolver_answer ask(
	struct set *s, const char *name, enum resolver_type type)
{
	struct got got = { 0 };

	expect(resolver_ask(s->r, name, type, on_answer, &got, NULL) == 0);
	expect(got.calls == 0);
	run_until(s, &got.calls, 1, 10);
	return got.a;
}

static void expect_addr(const struct resolver_answer *a, size_t i, const char *want)
{
	char text[ADDRESS_TEXT_MAX];

	expect(a->result == 0 && i < a->n);
	expect_str(address_text(&a->addrs[i], text), want);
}

TEST(a_name_is_looked_up_and_remembered)
{
	struct set s;
	struct resolver_answer a;

	set_up(&s);
	a = ask(&s, "ok.example", RESOLVER_A);
	expect_addr(&a, 0, "203.0.114.1");
	expect(a.n == 1 && a.ttl == 100);
	a = ask(&s, "ok.example", RESOLVER_A);
	expect_addr(&a, 0, "203.0.114.1");
	expect(s.stub.asked_udp == 1);
	a = ask(&s, "ok.example", RESOLVER_AAAA);
	expect_addr(&a, 0, "2606:4700::1");
	expect(s.stub.asked_udp == 2);
	set_down(&s);
}

TEST(what_is_not_there_is_told_apart)
{
	struct set s;

	set_up(&s);
	expect(ask(&s, "missing.example", RESOLVER_A).result == -ENOENT);
	expect(ask(&s, "missing.example", RESOLVER_A).ttl <= 10);
	expect(ask(&s, "none.example", RESOLVER_A).result == -ENODATA);
	expect(s.stub.asked_udp == 2);
	set_down(&s);
}

TEST(a_server_that_fails_is_asked_again_and_given_up)
{
	struct set s;

	set_up(&s);
	expect(ask(&s, "fail.example", RESOLVER_A).result == -EIO);
	expect(s.stub.asked_udp == 2);
	expect(ask(&s, "broken.example", RESOLVER_A).result == -EIO);
	expect(s.stub.asked_udp == 4);
	set_down(&s);
}

TEST(a_silent_server_times_out)
{
	struct set s;
	uint64_t began = clock_mono_ns();

	set_up(&s);
	expect(ask(&s, "silent.example", RESOLVER_A).result == -ETIMEDOUT);
	expect(s.stub.asked_udp == 2);
	expect(clock_mono_ns() - began < 8 * NS_PER_SEC);
	set_down(&s);
}

TEST(a_truncated_answer_comes_over_tcp)
{
	struct set s;
	struct resolver_answer a;

	set_up(&s);
	a = ask(&s, "long.example", RESOLVER_A);
	expect_addr(&a, 0, "203.0.114.1");
	expect(s.stub.asked_udp == 1 && s.stub.asked_tcp == 1);
	expect(ask(&s, "longest.example", RESOLVER_A).result == -EIO);
	set_down(&s);
}

TEST(a_server_that_changes_case_is_asked_over_tcp_until_it_is_known)
{
	struct set s;
	struct resolver_answer a;

	set_up(&s);
	a = ask(&s, "folds.with-many-letters.example", RESOLVER_A);
	expect_addr(&a, 0, "203.0.114.1");
	expect(s.stub.asked_udp == 1 && s.stub.asked_tcp == 1);
	a = ask(&s, "folds.with-other-letters.example", RESOLVER_A);
	expect_addr(&a, 0, "203.0.114.1");
	expect(s.stub.asked_udp == 2 && s.stub.asked_tcp == 1);
	set_down(&s);
}

TEST(forged_answers_are_passed_over)
{
	struct set s;
	struct resolver_answer a;

	set_up(&s);
	a = ask(&s, "forged.example", RESOLVER_A);
	expect_addr(&a, 0, "203.0.114.1");
	expect(s.stub.asked_udp == 1 && s.stub.asked_tcp == 0);
	set_down(&s);
}

TEST(equal_questions_share_one)
{
	struct set s;
	struct got got = { 0 };

	set_up(&s);
	for (int i = 0; i < 10; i++)
		expect(resolver_ask(s.r, "ok.example", RESOLVER_A, on_answer, &got,
			       NULL) == 0);
	run_until(&s, &got.calls, 10, 5);
	expect(s.stub.asked_udp == 1);
	set_down(&s);
}

TEST(a_cancelled_question_is_not_answered)
{
	struct set s;
	struct got got = { 0 }, other = { 0 };
	struct resolver_query *q, *p;

	set_up(&s);
	expect(resolver_ask(s.r, "ok.example", RESOLVER_A, on_answer, &got, &q) == 0);
	expect(resolver_ask(s.r, "ok.example", RESOLVER_A, on_answer, &other, NULL) == 0);
	expect(resolver_ask(s.r, "none.example", RESOLVER_A, on_answer, &got, &p) == 0);
	resolver_cancel(q);
	resolver_cancel(p);
	run_until(&s, &other.calls, 1, 5);
	/* one that is ready, but wasn't called yet */
	expect(resolver_ask(s.r, "ok.example", RESOLVER_A, on_answer, &got, &q) == 0);
	resolver_cancel(q);
	for (int i = 0; i < 5; i++)
		expect(loop_once(s.loop, 10) == 0);
	expect(got.calls == 0);
	set_down(&s);
}

TEST(another_server_is_asked_when_one_is_not_there)
{
	struct set s;
	struct address nobody = addr("127.0.0.1"), server = addr("127.0.0.1");
	struct resolver_answer a;

	set_up(&s);
	resolver_reset(s.r);
	expect(resolver_add_server(s.r, &nobody, 1) == 0);
	expect(resolver_add_server(s.r, &server, s.stub.port) == 0);
	a = ask(&s, "ok.example", RESOLVER_A);
	expect_addr(&a, 0, "203.0.114.1");
	resolver_reset(s.r);
	expect(ask(&s, "ok.example", RESOLVER_A).result == -EIO);
	expect(resolver_add_server(s.r, &nobody, 1) == 0);
	expect(ask(&s, "ok.example", RESOLVER_A).result == -EIO);
	set_down(&s);
}

TEST(the_hosts_own_names_come_first)
{
	struct set s;
	struct address one = addr("192.168.9.1"), two = addr("192.168.9.2");
	struct resolver_answer a;

	set_up(&s);
	expect(resolver_add_host(s.r, "ok.example", &one) == 0);
	expect(resolver_add_host(s.r, "ok.example", &two) == 0);
	a = ask(&s, "ok.example", RESOLVER_A);
	expect_addr(&a, 0, "192.168.9.1");
	expect_addr(&a, 1, "192.168.9.2");
	expect(ask(&s, "ok.example", RESOLVER_AAAA).result == -ENODATA);
	expect(s.stub.asked_udp == 0);
	resolver_reset(s.r);
	expect(ask(&s, "ok.example", RESOLVER_A).result == -EIO);
	set_down(&s);
}

TEST(the_number_under_way_is_bounded)
{
	struct set s;
	struct got got = { 0 };
	int busy = 0;

	set_up(&s);
	for (int i = 0; i < 300; i++) {
		char name[32];
		int r;

		(void)snprintf(name, sizeof(name), "silent.n%d.example", i);
		r = resolver_ask(s.r, name, RESOLVER_A, on_answer, &got, NULL);
		expect(r == 0 || r == -EBUSY);
		busy += r == -EBUSY;
	}
	expect(busy == 300 - 256);
	set_down(&s);
	expect(got.calls == 0);
}

static void on_answer_end(const struct resolver_answer *a, void *data)
{
	struct set *s = data;

	(void)a;
	resolver_free(s->r);
	s->r = NULL;
}

TEST(the_resolver_may_end_within_a_call_back)
{
	struct set s;

	set_up(&s);
	for (int i = 0; i < 3; i++)
		expect(resolver_ask(s.r, "ok.example", RESOLVER_A, on_answer_end, &s,
			       NULL) == 0);
	for (int i = 0; i < 50 && s.r; i++)
		expect(loop_once(s.loop, 100) == 0);
	expect(!s.r);
	set_down(&s);
}

static void on_answer_ask(const struct resolver_answer *a, void *data)
{
	struct set *s = data;

	if (a->result == 0)
		expect(resolver_ask(s->r, "none.example", RESOLVER_A, on_answer_ask, s,
			       NULL) == 0);
	else
		loop_quit(s->loop, 7);
}

TEST(a_call_back_may_ask_again)
{
	struct set s;

	set_up(&s);
	expect(resolver_ask(s.r, "ok.example", RESOLVER_A, on_answer_ask, &s, NULL) == 0);
	expect(loop_run(s.loop) == 7);
	set_down(&s);
}

TEST(a_full_cache_forgets_and_asks_again)
{
	struct set s;

	set_up(&s);
	for (int i = 0; i < 5000; i++) {
		char name[32];
		struct resolver_answer a;

		(void)snprintf(name, sizeof(name), "ok.n%d.example", i);
		a = ask(&s, name, RESOLVER_A);
		expect_addr(&a, 0, "203.0.114.1");
	}
	expect(s.stub.asked_udp + s.stub.asked_tcp == 5000);
	set_down(&s);
}

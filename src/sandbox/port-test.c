/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/port.h"

#include "base/err.h"
#include "base/str.h"
#include "base/test.h"

#include <netinet/in.h>
#include <sys/socket.h>

static void parses(const char *text, const char *ip, unsigned host, unsigned guest)
{
	struct port_spec p = { 0 };
	struct err e = { 0 };

	if (port_parse(text, &p, &e) < 0)
		fprintf(stderr, "%s: %s\n", text, e.msg);
	expect(e.code == 0);
	expect(str_eq(p.ip, ip) && p.host == host && p.guest == guest);
	port_clear(&p);
}

static void refused(const char *text)
{
	struct port_spec p = { 0 };
	struct err e = { 0 };

	if (port_parse(text, &p, &e) != -EINVAL)
		fprintf(stderr, "'%s' was taken\n", text);
	expect(e.code == EINVAL && e.msg[0] && e.hint[0] && !p.ip);
}

TEST(a_spec_is_read_in_every_form_that_it_has)
{
	parses("80", NULL, 0, 80);
	parses("8080:80", NULL, 8080, 80);
	parses("0:80", NULL, 0, 80);
	parses("8080:80/tcp", NULL, 8080, 80);
	parses("localhost:8080:80", NULL, 8080, 80);
	parses("127.0.0.1:8080:80", "127.0.0.1", 8080, 80);
	parses("0.0.0.0:8080:80", "0.0.0.0", 8080, 80);
	parses("127.0.0.1::80", "127.0.0.1", 0, 80);
	parses("[::1]:8080:80", "::1", 8080, 80);
	parses("[0:0::0]:65535:65535", "::", 65535, 65535);
}

TEST(what_is_no_spec_is_refused_with_the_form_it_should_have)
{
	static const char *const bad[] = { "", ":", "::", ":::", "0", "65536", "-1",
		"80:", "a:80", "80:a", "8080:80/udp", "1.2.3:80:80", "1.2.3.4.5:80:80",
		"[::1:80:80", "[::1]80:80", "[::1]:80", "::1:80:80", "host.example:80:80",
		"80:0", "80 ", "127.0.0.1:80", "1:2:3:4", "[]:80:80",
		"[127.0.0.1]:", "+80", "0x50" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		refused(bad[i]);
}

TEST(the_text_of_a_spec_is_read_as_the_same_spec)
{
	static const char *const all[] = { "80", "8080:80", "0.0.0.0:1:2", "[::]:0:443" };

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct port_spec a = { 0 }, b = { 0 };
		char *text;

		expect(port_parse(all[i], &a, NULL) == 0);
		text = port_text(&a);
		expect(text && port_parse(text, &b, NULL) == 0);
		expect(str_eq(a.ip, b.ip) && a.host == b.host && a.guest == b.guest);
		free(text);
		port_clear(&a);
		port_clear(&b);
	}
}

TEST(a_port_is_in_a_list_once)
{
	struct json_list l = { 0 };
	struct strv texts = { 0 };
	struct port_spec want = { .guest = 80 };

	expect(strv_split(&texts, "8080:80 80 0.0.0.0:8080:80 81", " ") == 0);
	expect(port_list_parse(&texts, &l, NULL) == 0 && l.n == 4);
	strv_clear(&texts);
	expect(strv_add(&texts, "8080:81") == 0);
	expect(port_list_parse(&texts, &l, NULL) == -EEXIST && l.n == 4);
	strv_clear(&texts);
	expect(port_list_remove(&l, &want, true) == 1 && l.n == 3);
	expect(port_list_remove(&l, &want, false) == 2 && l.n == 1);
	expect(port_at(&l, 0)->guest == 81 && !port_at(&l, 1));
	free(l.items);
}

TEST(a_free_port_is_the_same_one_for_both_loopback_addresses)
{
	struct port_spec p = { .guest = 80 };
	struct port_sockets s = { 0 }, again = { 0 };
	struct err e = { 0 };

	expect(port_listen(&p, &s, &e) == 0);
	expect(s.n >= 1 && s.host > 0);
	for (size_t i = 0; i < s.n; i++)
		expect(port_of_listener(s.fd[i]) == s.host);
	p.host = s.host;
	expect(port_listen(&p, &again, &e) == -EADDRINUSE && again.n == 0);
	expect(strstr(e.hint, "another program"));
	port_sockets_close(&s);
	expect(port_listen(&p, &s, &e) == 0);
	port_sockets_close(&s);
}

TEST(only_a_tcp_socket_that_listens_passes_for_one)
{
	int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int local = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	expect(port_of_listener(tcp) == -EINVAL);
	expect(port_of_listener(udp) == -EINVAL);
	expect(port_of_listener(local) == -EINVAL);
	expect(port_of_listener(0) == -EINVAL);
	expect(listen(tcp, 1) == 0 && port_of_listener(tcp) > 0);
	(void)close(tcp);
	(void)close(udp);
	(void)close(local);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/connector.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/test.h"
#include "linux/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define WAIT_MS 10000

static char dir[64], path[80];

static int listener(int backlog)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	expect(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0);
	expect(listen(fd, backlog) == 0);
	return fd;
}

/* A server, and a connector that knows it alone. */
static int start(int backlog, int *server)
{
	const struct idmap ids = { .root = false };
	struct err e;
	int connector, node;

	(void)snprintf(dir, sizeof(dir), "/tmp/brig-connector-XXXXXX");
	expect(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/s", dir);
	*server = listener(backlog);
	node = open(path, O_PATH | O_CLOEXEC);
	expect(node >= 0);
	connector = connector_spawn(&ids, &node, 1, &e);
	expect(connector >= 0);
	(void)close(node);
	return connector;
}

static void end(int connector, int server)
{
	(void)close(connector);
	if (server >= 0)
		(void)close(server);
	(void)unlink(path);
	expect(rmdir(dir) == 0);
}

/* The next answer, whichever it is: *number says to what. */
static int next_answer(int connector, uint32_t *number)
{
	struct pollfd p = { .fd = connector, .events = POLLIN };
	int fd = -1;

	expect(poll(&p, 1, WAIT_MS) == 1);
	expect(connector_answer(connector, number, &fd) == 1);
	return fd;
}

/* The next answer: the number is to be that. */
static int answered(int connector, uint32_t number)
{
	uint32_t got = 0;
	int fd = next_answer(connector, &got);

	expect(got == number);
	return fd;
}

TEST(a_question_is_answered_with_a_connection)
{
	int server, c = start(8, &server), fd, peer;
	char byte = 0;

	expect(connector_ask(c, 7, 0) == 0);
	fd = answered(c, 7);
	expect(fd >= 0);
	peer = accept(server, NULL, NULL);
	expect(peer >= 0 && write(peer, "x", 1) == 1);
	expect(read(fd, &byte, 1) == 1 && byte == 'x');
	(void)close(fd);
	(void)close(peer);
	end(c, server);
}

TEST(a_node_put_in_its_place_is_not_connected_to)
{
	int server, c = start(8, &server), other;

	expect(unlink(path) == 0);
	other = listener(8);
	expect(connector_ask(c, 1, 0) == 0);
	expect(answered(c, 1) >= 0);
	(void)close(server);
	expect(connector_ask(c, 2, 0) == 0);
	expect(answered(c, 2) == -ECONNREFUSED);
	end(c, other);
}

TEST(there_is_no_other_number_than_those_it_was_started_with)
{
	int server, c = start(8, &server);

	expect(connector_ask(c, 3, 1) == 0);
	expect(answered(c, 3) == -EMFILE);
	expect(connector_ask(c, 4, UINT32_MAX) == 0);
	expect(answered(c, 4) == -EMFILE);
	end(c, server);
}

TEST(a_full_queue_is_waited_for)
{
	uint32_t number = 0, seen = 0;
	int server, c = start(0, &server), fd;

	/* the queue takes one more than its length; who waits may be overtaken */
	for (uint32_t i = 1; i <= 4; i++)
		expect(connector_ask(c, i, 0) == 0);
	for (int n = 0; n < 4; n++) {
		fd = next_answer(c, &number);
		expect(fd >= 0);
		expect(number >= 1 && number <= 4 && !(seen & 1U << number));
		seen |= 1U << number;
		(void)close(fd);
		(void)close(accept(server, NULL, NULL));
	}
	end(c, server);
}

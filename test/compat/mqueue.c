/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probe: POSIX message queues between two processes: by priority, full, waited for
 * Expect: container=yes sentry=yes
 */
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <sys/wait.h>

#include "probe.h"

int main(void)
{
	struct mq_attr attr = { .mq_maxmsg = 4, .mq_msgsize = 64 };
	char name[64], text[64];
	struct pollfd pfd = { .events = POLLIN };
	int status;
	pid_t pid;
	mqd_t mq;

	(void)snprintf(name, sizeof(name), "/brig-probe-%d", (int)getpid());
	mq = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK, 0600, &attr);
	need(mq != (mqd_t)-1);
	need((pid = fork()) >= 0);
	if (pid == 0) {
		need(mq_send(mq, "low", 4, 1) == 0 && mq_send(mq, "high", 5, 9) == 0);
		need(mq_send(mq, "", 1, 0) == 0 && mq_send(mq, "", 1, 0) == 0);
		need(mq_send(mq, "", 1, 0) == -1 && errno == EAGAIN);
		_exit(0);
	}
	/* on Linux a queue is a descriptor */
	pfd.fd = (int)mq;
	need(poll(&pfd, 1, 5000) == 1);
	need(waitpid(pid, &status, 0) == pid && status == 0);
	need(mq_receive(mq, text, sizeof(text), NULL) == 5 && strcmp(text, "high") == 0);
	need(mq_receive(mq, text, sizeof(text), NULL) == 4 && strcmp(text, "low") == 0);
	need(mq_unlink(name) == 0);
	return 0;
}

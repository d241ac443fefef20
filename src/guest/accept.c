/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/accept.h"

#include "guest/carry.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

int accept_run(const char *path)
{
	char byte = 0;
	int sock;

	(void)path; /* the warder has opened it */
	do
		sock = accept4(ACCEPT_FD, NULL, NULL, SOCK_CLOEXEC);
	while (sock < 0 && (errno == EINTR || errno == ECONNABORTED));
	if (sock < 0)
		return 1;
	(void)close(ACCEPT_FD);
	/* from here on it may be told to end, and first is to deliver what came before that */
	carry_signals();
	if (write(STDOUT_FILENO, &byte, 1) != 1 || read(STDIN_FILENO, &byte, 1) != 1)
		return 1;
	return carry(sock, CARRY_APART);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probe: a file mapped by several processes is the same for all, and for read and write
 * Expect: container=yes sentry=yes
 * In: workspace tmp
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "probe.h"

#define SIZE    (1 << 20)
#define WORKERS 4
#define TURNS   2000

struct shared {
	pthread_mutex_t lock;
	int sum;
};

static volatile sig_atomic_t faults;

static void on_fault(int sig)
{
	(void)sig;
	faults++;
	_exit(faults == 1 ? 42 : 1);
}

static void work(int fd)
{
	struct shared *s = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	need(s != MAP_FAILED);
	for (int i = 0; i < TURNS; i++) {
		need(pthread_mutex_lock(&s->lock) == 0);
		s->sum++;
		need(pthread_mutex_unlock(&s->lock) == 0);
	}
	_exit(0);
}

static void count_together(int fd, struct shared *s)
{
	pthread_mutexattr_t attr;
	int status;

	(void)pthread_mutexattr_init(&attr);
	need(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED) == 0);
	need(pthread_mutex_init(&s->lock, &attr) == 0);
	for (int i = 0; i < WORKERS; i++) {
		pid_t pid = fork();

		need(pid >= 0);
		if (pid == 0)
			work(fd);
	}
	for (int i = 0; i < WORKERS; i++)
		need(wait(&status) > 0 && status == 0);
	need(s->sum == WORKERS * TURNS);
}

/* Beyond the file's end a page is SIGBUS; cut short, what was mapped is gone. */
static void cut(int fd, volatile char *p)
{
	int status;
	pid_t pid;

	need(ftruncate(fd, SIZE / 2) == 0);
	need((pid = fork()) >= 0);
	if (pid == 0) {
		(void)signal(SIGBUS, on_fault);
		_exit(p[SIZE - 100]);
	}
	need(waitpid(pid, &status, 0) == pid);
	need(WIFEXITED(status) && WEXITSTATUS(status) == 42);
	need(ftruncate(fd, SIZE) == 0);
	need(p[SIZE - 100] == 0);
}

int main(void)
{
	char *p, *priv, got[16] = "";
	int fd = open("map", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), other;

	need(fd >= 0 && ftruncate(fd, SIZE) == 0);
	p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	need(p != MAP_FAILED);
	count_together(fd, (void *)p);

	memcpy(p + 300000, "by the map", 11);
	need((other = open("map", O_RDWR | O_CLOEXEC)) >= 0);
	need(pread(other, got, 11, 300000) == 11 && strcmp(got, "by the map") == 0);
	need(pwrite(other, "by a write", 11, 300000) == 11);
	need(strcmp(p + 300000, "by a write") == 0);
	need(msync(p, SIZE, MS_SYNC) == 0 && fsync(fd) == 0);

	priv = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	need(priv != MAP_FAILED && strcmp(priv + 300000, "by a write") == 0);
	priv[300000] = 'B';
	need(p[300000] == 'b');
	cut(fd, p);
	need(unlink("map") == 0);
	need(strcmp(p + 300000, "by a write") == 0);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Probe: System V messages, semaphores and memory, POSIX semaphores and memory between processes
 * Expect: container=yes sentry=yes
 */
#include <fcntl.h>
#include <semaphore.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/wait.h>

#include "probe.h"

struct message {
	long kind;
	char text[16];
};

static pid_t child(void)
{
	pid_t pid = fork();

	need(pid >= 0);
	return pid;
}

static void ended_well(pid_t pid)
{
	int status;

	need(waitpid(pid, &status, 0) == pid && status == 0);
}

static void system_v(void)
{
	int shm = shmget(IPC_PRIVATE, 4096, 0600), sem = semget(IPC_PRIVATE, 1, 0600);
	int msg = msgget(IPC_PRIVATE, 0600);
	struct message m = { 7, "seven" }, got = { 0 };
	struct sembuf wait_one = { 0, -1, 0 }, give_one = { 0, 1, 0 };
	char *p;
	pid_t pid;

	need(shm >= 0 && sem >= 0 && msg >= 0);
	need((p = shmat(shm, NULL, 0)) != (void *)-1);
	if ((pid = child()) == 0) {
		(void)strcpy(p, "written");
		need(msgsnd(msg, &m, sizeof(m.text), 0) == 0);
		need(semop(sem, &give_one, 1) == 0);
		_exit(0);
	}
	need(semop(sem, &wait_one, 1) == 0);
	need(strcmp(p, "written") == 0);
	need(msgrcv(msg, &got, sizeof(got.text), 7, 0) == (ssize_t)sizeof(got.text));
	need(strcmp(got.text, "seven") == 0);
	ended_well(pid);
	need(shmdt(p) == 0 && shmctl(shm, IPC_RMID, NULL) == 0);
	need(semctl(sem, 0, IPC_RMID) == 0 && msgctl(msg, IPC_RMID, NULL) == 0);
}

static void posix(void)
{
	char name[64];
	sem_t *sem;
	pid_t pid;
	int shm;
	char *p;

	(void)snprintf(name, sizeof(name), "/brig-probe-%d", (int)getpid());
	need((sem = sem_open(name, O_CREAT | O_EXCL, 0600, 0)) != SEM_FAILED);
	need((shm = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600)) >= 0);
	need(ftruncate(shm, 4096) == 0);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, shm, 0);
	need(p != MAP_FAILED);
	if ((pid = child()) == 0) {
		(void)strcpy(p, "written");
		need(sem_post(sem) == 0);
		_exit(0);
	}
	need(sem_wait(sem) == 0 && strcmp(p, "written") == 0);
	ended_well(pid);
	need(sem_unlink(name) == 0 && shm_unlink(name) == 0);
}

int main(void)
{
	system_v();
	posix();
	return 0;
}

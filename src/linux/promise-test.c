/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/promise.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/test.h"
#include "linux/caps.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

/* The wait status of a child that makes the promise and then runs 'body'. */
static int promised(enum promise_role role, int (*body)(void))
{
	struct err e = { 0 };
	pid_t pid = fork();
	int status;

	expect(pid >= 0);
	if (pid == 0) {
		/* a core of every violation would only fill the directory */
		(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
		if (promise(role, &e) < 0) {
			fprintf(stderr, "%s\n", e.msg);
			_exit(99);
		}
		_exit(body());
	}
	expect(waitpid(pid, &status, 0) == pid);
	return status;
}

static bool ends_well(enum promise_role role, int (*body)(void))
{
	int status = promised(role, body);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fprintf(stderr, "%s: status %#x\n", promise_role_name(role),
			(unsigned)status);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool is_killed(enum promise_role role, int (*body)(void))
{
	int status = promised(role, body);

	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

static int compute(void)
{
	struct timespec ts = { .tv_nsec = 1000 };
	char *p = malloc(1 << 22);
	struct stat st;
	int pair[2];

	if (!p || fstat(0, &st) < 0 || nanosleep(&ts, NULL) < 0)
		return 1;
	memset(p, 1, 1 << 22);
	free(p);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0 || write(pair[0], "x", 1) != 1)
		return 2;
	if (signal(SIGUSR1, SIG_IGN) == SIG_ERR || raise(SIGUSR1) != 0)
		return 3;
	/* what libraries try is refused quietly */
	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0 && !SANITIZED)
		return 4;
	if (syscall(SYS_clone3, NULL, 0) == 0 || errno != ENOSYS)
		return 5;
	return 0;
}

static int open_file(void)
{
	return open("/etc/passwd", O_RDONLY | O_CLOEXEC) < 0;
}

static int create_file(void)
{
	int fd = open("/tmp/promise-test.file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	return fd < 0 || unlink("/tmp/promise-test.file") < 0;
}

static int internet(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) < 0;
}

static int local(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0) < 0;
}

static int new_process(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(0);
	return pid < 0 || waitpid(pid, &status, 0) != pid || status != 0;
}

static int new_program(void)
{
	(void)execl("/bin/true", "true", NULL);
	return 1;
}

static int new_namespace(void)
{
	(void)unshare(CLONE_NEWUSER);
	return 0;
}

static int become_code(void)
{
	void *p = mmap(
		NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED;
}

static int type_for_the_user(void)
{
	(void)ioctl(0, TIOCSTI, "x");
	return errno == ENOTTY ? 0 : 1;
}

static int make_node(void)
{
	(void)mknod("/there/is/no/such", S_IFCHR, 0);
	return 0;
}

static int mount_something(void)
{
	(void)syscall(SYS_mount, "x", "/", "tmpfs", 0, NULL);
	return 0;
}

static int raise_limits(void)
{
	struct {
		uint64_t now, max;
	} l = { 1, 1 };

	return (int)syscall(SYS_prlimit64, 0, 7, &l, NULL);
}

TEST(stdio_is_enough_to_compute)
{
	expect(ends_well(PROMISE_COMPUTE, compute));
	expect(ends_well(PROMISE_KEEPER, compute));
	expect(ends_well(PROMISE_IMAGE_UNPACK, compute));
	expect(ends_well(PROMISE_IMAGE_FETCH, compute));
}

static int ask_for_dates(void)
{
	time_t now = time(NULL);
	struct tm tm;

	/* what libraries do at any moment: X509 checks, logs */
	if (!localtime_r(&now, &tm) || mktime(&tm) != now || !localtime(&now))
		return 1;
	return tm.tm_gmtoff == 0 ? 0 : 2;
}

TEST(dates_take_no_file)
{
	expect(ends_well(PROMISE_COMPUTE, ask_for_dates));
}

TEST(words_open_what_they_say)
{
	expect(ends_well(PROMISE_KEEPER, open_file) &&
		ends_well(PROMISE_KEEPER, create_file));
	expect(ends_well(PROMISE_KEEPER, local) &&
		ends_well(PROMISE_KEEPER, new_process));
	expect(ends_well(PROMISE_IMAGE_UNPACK, create_file));
	expect(ends_well(PROMISE_IMAGE_UNPACK, make_node));
	expect(ends_well(PROMISE_IMAGE_FETCH, internet));
	expect(ends_well(PROMISE_IMAGE_FETCH, become_code));
}

TEST(terminals_can_not_be_typed_into)
{
	expect(ends_well(PROMISE_KEEPER, type_for_the_user));
}

TEST(a_broken_promise_ends_the_process)
{
	expect(is_killed(PROMISE_KEEPER, internet) &&
		is_killed(PROMISE_KEEPER, new_namespace));
	expect(is_killed(PROMISE_KEEPER, make_node) &&
		is_killed(PROMISE_KEEPER, mount_something));
	expect(is_killed(PROMISE_IMAGE_UNPACK, internet) &&
		is_killed(PROMISE_IMAGE_UNPACK, local));
	expect(is_killed(PROMISE_IMAGE_UNPACK, mount_something));
	expect(is_killed(PROMISE_IMAGE_FETCH, new_namespace));
	expect(is_killed(PROMISE_IMAGE_FETCH, make_node));
	expect(is_killed(PROMISE_COMPUTE, local) &&
		is_killed(PROMISE_COMPUTE, raise_limits));
}

TEST(a_broken_promise_ends_the_process_where_sanitizers_ask_for_nothing)
{
	if (SANITIZED)
		test_skip("the sanitizer's own word allows these");
	expect(is_killed(PROMISE_COMPUTE, open_file) &&
		is_killed(PROMISE_COMPUTE, new_process));
	expect(is_killed(PROMISE_COMPUTE, new_program) &&
		is_killed(PROMISE_COMPUTE, become_code));
	expect(is_killed(PROMISE_IMAGE_UNPACK, new_process));
	expect(is_killed(PROMISE_IMAGE_UNPACK, new_program));
	expect(is_killed(PROMISE_IMAGE_UNPACK, become_code));
	expect(is_killed(PROMISE_KEEPER, new_program));
	expect(is_killed(PROMISE_IMAGE_FETCH, new_process));
}

TEST(the_connector_makes_local_streams_and_opens_nothing)
{
	if (SANITIZED)
		test_skip("a sanitizer's own calls are allowed in this build");
	expect(ends_well(PROMISE_CONNECTOR, local));
	expect(is_killed(PROMISE_CONNECTOR, open_file) &&
		is_killed(PROMISE_CONNECTOR, new_process));
	expect(is_killed(PROMISE_CONNECTOR, internet) &&
		is_killed(PROMISE_CONNECTOR, new_program));
}

TEST(a_role_has_a_name_and_words)
{
	struct err e = { 0 };

	expect_str(promise_role_name(PROMISE_KEEPER), "keeper");
	expect(strstr(promise_role_words(PROMISE_IMAGE_FETCH), "inet"));
	expect(!promise_role_name(PROMISE_ROLES_N) &&
		promise(PROMISE_ROLES_N, &e) == -EINVAL);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/notify.h"

#include "base/clock.h"
#include "base/err.h"
#include "sandbox/control.h"
#include "sandbox/sandbox.h"

#define ANSWER_NS  (10 * NS_PER_SEC)
#define CONNECT_NS (5 * NS_PER_SEC)

/* One that has just begun listens soon; one that ends needs nothing. */
static int connect_to(const struct sandbox *s, struct err *e)
{
	uint64_t until = clock_mono_ns() + CONNECT_NS;
	int r;

	for (;;) {
		if (!sandbox_kept(s))
			return -ESRCH;
		r = control_connect(s->name, e);
		if (r >= 0 || clock_mono_ns() > until)
			return r;
		(void)usleep(5000);
	}
}

/* 0 when it is in force or nothing runs, 1 with a note otherwise. */
static int tell(const char *name, const char *what, struct strv *notes)
{
	auto_sandbox struct sandbox s = SANDBOX_INIT;
	struct control_request q = { .verb = CONTROL_RELOAD,
		.what = (char *)(uintptr_t)what };
	struct control_reply reply = { 0 };
	struct err e = { 0 };
	auto_fd int fd = sandbox_open_raw(name, &s, &e);
	int r;

	if (fd == -ENOENT)
		return 0;
	if (fd == 0)
		fd = connect_to(&s, &e);
	if (fd == -ESRCH)
		return 0;
	r = fd < 0 ? fd
		   : control_ask(
			     &(struct control_ask){
				     .fd = fd, .q = &q, .wait_ns = ANSWER_NS },
			     &reply, &e);
	json_struct_clear(&control_reply_schema, &reply);
	/* it ends, or has ended meanwhile */
	if (r == 0 || r == -ESHUTDOWN || (r == -ECONNRESET && !sandbox_kept(&s)))
		return 0;
	(void)strv_addf(notes, "not in force in sandbox '%s': %s", name, e.msg);
	return 1;
}

static int tell_all(const char *what, struct strv *notes, struct err *e)
{
	auto_strv struct strv names = { 0 };
	int failed = 0, r = sandbox_names(&names, e);

	for (size_t i = 0; i < names.n && r == 0; i++)
		failed += tell(names.v[i], what, notes);
	return r < 0 ? r : failed;
}

int notify_policy(const char *sandbox, struct strv *notes, struct err *e)
{
	return sandbox ? tell(sandbox, "policy", notes) : tell_all("policy", notes, e);
}

int notify_secrets(struct strv *notes, struct err *e)
{
	return tell_all("secrets", notes, e);
}

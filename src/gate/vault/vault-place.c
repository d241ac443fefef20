/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/vault/vault-place.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "gate/vault/vault-run.h"
#include "gate/vault/vault-text.h"

#include <sys/syscall.h>

#define KEY_FILE "key"
#define HEX_LEN  (VAULT_KEY_LEN * 2)

static int wrong(struct err *e)
{
	return err_set(e, EBADMSG, "what is there is no key");
}

static int from_hex(struct buf *text, uint8_t *key, struct err *e)
{
	auto_wiped struct buf raw = { 0 };

	while (text->len && strchr(" \r\n", text->data[text->len - 1]))
		text->data[--text->len] = '\0';
	if (text->len != HEX_LEN || strlen(text->data) != HEX_LEN ||
		vault_from_hex(text->data, &raw) < 0)
		return wrong(e);
	memcpy(key, raw.data, VAULT_KEY_LEN);
	return 0;
}

static int to_hex(const uint8_t *key, struct buf *ret, struct err *e)
{
	char *hex = vault_to_hex(key, VAULT_KEY_LEN);

	if (!hex)
		return err_set(e, ENOMEM, "out of memory");
	*ret = (struct buf){ .data = hex, .len = HEX_LEN, .cap = HEX_LEN + 1 };
	return 0;
}

/*
 * Mustn't: use a key that others could have read or written.
 */
static int file_get(int dir, const char *id, uint8_t *key, struct err *e)
{
	auto_fd int fd = openat(dir, KEY_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	auto_wiped struct buf text = { 0 };
	struct stat st;
	int r;

	(void)id;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "open 'secrets/%s'", KEY_FILE);
	if (st.st_uid != geteuid() || (st.st_mode & 077)) {
		(void)err_set(e, EPERM, "'secrets/%s' belongs to user %u, mode %04o",
			KEY_FILE, st.st_uid, st.st_mode & 07777);
		err_hint(e, "it has to be yours, and readable by you alone (chmod 600)");
		return -EPERM;
	}
	r = buf_reserve(&text, 256) < 0 ? err_set(e, ENOMEM, "out of memory")
					: file_read_fd(fd, KEY_FILE, 200, &text, e);
	return r < 0 ? r : from_hex(&text, key, e);
}

static int file_put(int dir, const char *id, const uint8_t *key, struct err *e)
{
	auto_wiped struct buf text = { 0 };
	int r = to_hex(key, &text, e);

	(void)id;
	return r < 0
		? r
		: file_replace(dir, KEY_FILE, text.data, text.len, 0600, FILE_DURABLE, e);
}

static void file_drop(int dir, const char *id)
{
	(void)id;
	(void)unlinkat(dir, KEY_FILE, 0);
}

const struct vault_keep vault_place_file = { file_get, file_put, file_drop };

/* keyctl(2); the C library has no function for it */
#define KEYRING_USER     (-4L) /* KEY_SPEC_USER_KEYRING */
#define KEYCTL_SETPERM   5L
#define KEYCTL_UNLINK    9L
#define KEYCTL_SEARCH    10L
#define KEYCTL_READ      11L
#define KEYRING_PERM     0x3f0b0000UL /* who has it: all; the user: view, read, search */
#define KEYRING_NAME_MAX 64

static const char *keyring_name(const char *id, char out[KEYRING_NAME_MAX])
{
	(void)snprintf(out, KEYRING_NAME_MAX, "brig:%s", id);
	return out;
}

static int keyring_get(int dir, const char *id, uint8_t *key, struct err *e)
{
	char name[KEYRING_NAME_MAX];
	uint8_t got[VAULT_KEY_LEN + 1];
	long n = syscall(SYS_keyctl, KEYCTL_SEARCH, KEYRING_USER, "user",
		keyring_name(id, name), 0L);

	(void)dir;
	if (n >= 0)
		n = syscall(SYS_keyctl, KEYCTL_READ, n, got, sizeof(got));
	if (n < 0 && (errno == ENOKEY || errno == EKEYEXPIRED || errno == EKEYREVOKED)) {
		(void)err_set(e, ENOENT, "it is gone, as after a restart of the machine");
		err_hint(e, "remove $DATA/secrets and set the secrets again");
		return -ENOENT;
	}
	if (n < 0)
		return err_sys(e, "read key '%s'", name);
	if (n == VAULT_KEY_LEN)
		memcpy(key, got, VAULT_KEY_LEN);
	explicit_bzero(got, sizeof(got));
	return n == VAULT_KEY_LEN ? 0 : wrong(e);
}

static int keyring_put(int dir, const char *id, const uint8_t *key, struct err *e)
{
	char name[KEYRING_NAME_MAX];
	long n = syscall(SYS_add_key, "user", keyring_name(id, name), key,
		(size_t)VAULT_KEY_LEN, KEYRING_USER);

	(void)dir;
	if (n < 0)
		return err_sys(e, "add key '%s'", name);
	/* so that a session whose keyring isn't linked to the user's can read it too */
	if (syscall(SYS_keyctl, KEYCTL_SETPERM, n, KEYRING_PERM) < 0)
		return err_sys(e, "permissions of key '%s'", name);
	return 0;
}

static void keyring_drop(int dir, const char *id)
{
	char name[KEYRING_NAME_MAX];
	long n = syscall(SYS_keyctl, KEYCTL_SEARCH, KEYRING_USER, "user",
		keyring_name(id, name), 0L);

	(void)dir;
	if (n >= 0)
		(void)syscall(SYS_keyctl, KEYCTL_UNLINK, n, KEYRING_USER);
}

const struct vault_keep vault_place_keyring = { keyring_get, keyring_put, keyring_drop };

#define TOOL         "secret-tool"
#define TOOL_WAIT_MS 3000 /* it may ask the person to unlock */

bool vault_service_likely(void)
{
	const char *bus = getenv("DBUS_SESSION_BUS_ADDRESS");
	const char *run = getenv("XDG_RUNTIME_DIR");
	auto_free char *path = run ? str_printf("%s/bus", run) : NULL;

	return ((bus && *bus) || (path && access(path, F_OK) == 0)) &&
		vault_run_there(TOOL);
}

static int tool(char *const *argv, const struct buf *in, struct buf *out, struct err *e)
{
	struct vault_run run = {
		.argv = argv, .in = in, .out = out, .wait_ms = TOOL_WAIT_MS
	};
	int r = vault_run(&run, e);

	if (r < 0)
		err_hint(e,
			"is there a Secret Service, and is it unlocked? Or keep the key "
			"in a file: BRIG_SECRET_KEY=file");
	return r;
}

static int service_get(int dir, const char *id, uint8_t *key, struct err *e)
{
	char *argv[] = { (char *)(uintptr_t)TOOL, (char *)(uintptr_t) "lookup",
		(char *)(uintptr_t) "service", (char *)(uintptr_t) "brig",
		(char *)(uintptr_t) "store", (char *)(uintptr_t)id, NULL };
	auto_wiped struct buf text = { 0 };
	int r = buf_reserve(&text, 8192) < 0 ? err_set(e, ENOMEM, "out of memory")
					     : tool(argv, NULL, &text, e);

	(void)dir;
	if (r > 0) {
		(void)err_set(e, ENOENT, "it isn't there");
		err_hint(e,
			"unlock the keyring, or remove $DATA/secrets and set the "
			"secrets again");
		return -ENOENT;
	}
	return r < 0 ? r : from_hex(&text, key, e);
}

static int service_put(int dir, const char *id, const uint8_t *key, struct err *e)
{
	char *argv[] = { (char *)(uintptr_t)TOOL, (char *)(uintptr_t) "store",
		(char *)(uintptr_t) "--label=brig master key",
		(char *)(uintptr_t) "service", (char *)(uintptr_t) "brig",
		(char *)(uintptr_t) "store", (char *)(uintptr_t)id, NULL };
	auto_wiped struct buf text = { 0 };
	uint8_t back[VAULT_KEY_LEN];
	int r = to_hex(key, &text, e);

	if (r == 0)
		r = tool(argv, &text, NULL, e);
	if (r > 0)
		r = err_set(e, EIO, "secret-tool says no");
	/* one that takes keys and loses them is worse than none */
	if (r == 0)
		r = service_get(dir, id, back, e);
	if (r == 0 && memcmp(back, key, VAULT_KEY_LEN) != 0)
		r = wrong(e);
	explicit_bzero(back, sizeof(back));
	return r;
}

static void service_drop(int dir, const char *id)
{
	char *argv[] = { (char *)(uintptr_t)TOOL, (char *)(uintptr_t) "clear",
		(char *)(uintptr_t) "service", (char *)(uintptr_t) "brig",
		(char *)(uintptr_t) "store", (char *)(uintptr_t)id, NULL };
	struct err quiet;

	(void)dir;
	(void)tool(argv, NULL, NULL, &quiet);
}

const struct vault_keep vault_place_service = { service_get, service_put, service_drop };

/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/virtio/fuse-client.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int client_ask(struct client *c, uint32_t opcode, uint64_t node, const void *args,
	size_t args_n, const void *more, size_t more_n)
{
	struct fuse_in_header in = { .len = (uint32_t)(sizeof(in) + args_n + more_n),
		.opcode = opcode,
		.unique = 77,
		.nodeid = node,
		.uid = c->uid,
		.gid = c->gid };
	struct fuse_out_header out = { 0 };
	const struct iovec o[] = { { &in, sizeof(in) },
		{ (void *)(uintptr_t)args, args_n },
		{ (void *)(uintptr_t)more, more_n } };
	const struct iovec i[] = { { &out, sizeof(out) }, { c->body, 100 },
		{ c->body + 100, sizeof(c->body) - 100 } };
	size_t n = fuse_serve(c->f, o, 3, i, 3);

	c->len = 0;
	if (!n)
		return 1;
	expect(n == out.len && n >= sizeof(out) && out.unique == 77 && out.error <= 0);
	c->len = n - sizeof(out);
	return out.error;
}

int client_ask_name(struct client *c, uint32_t opcode, uint64_t node, const void *args,
	size_t args_n, const char *name)
{
	return client_ask(c, opcode, node, args, args_n, name, strlen(name) + 1);
}

struct fuse_entry_out *client_entry(struct client *c)
{
	expect(c->len >= sizeof(struct fuse_entry_out));
	return (void *)c->body;
}

uint64_t client_look(struct client *c, uint64_t dir, const char *name)
{
	return client_ask_name(c, FUSE_LOOKUP, dir, NULL, 0, name)
		? 0
		: client_entry(c)->nodeid;
}

int client_forget(struct client *c, uint64_t node, uint64_t n)
{
	const struct fuse_forget_in in = { .nlookup = n };

	return client_ask(c, FUSE_FORGET, node, &in, sizeof(in), NULL, 0);
}

uint64_t client_make_dir(struct client *c, uint64_t dir, const char *name, uint32_t mode)
{
	const struct fuse_mkdir_in in = { .mode = mode };

	return client_ask_name(c, FUSE_MKDIR, dir, &in, sizeof(in), name)
		? 0
		: client_entry(c)->nodeid;
}

uint64_t client_create(
	struct client *c, uint64_t dir, const char *name, uint32_t mode, uint64_t *fh)
{
	const struct fuse_create_in in = { .flags = O_RDWR | O_CREAT,
		.mode = S_IFREG | mode };

	if (client_ask_name(c, FUSE_CREATE, dir, &in, sizeof(in), name))
		return 0;
	*fh = ((struct fuse_open_out *)(void *)(c->body + sizeof(struct fuse_entry_out)))
		      ->fh;
	return client_entry(c)->nodeid;
}

int client_write(struct client *c, uint64_t node, uint64_t fh, uint64_t off,
	const char *text, uint32_t flags)
{
	const struct fuse_write_in in = {
		.fh = fh, .offset = off, .size = (uint32_t)strlen(text), .flags = flags
	};

	return client_ask(c, FUSE_WRITE, node, &in, sizeof(in), text, strlen(text));
}

int client_release(struct client *c, uint64_t node, uint64_t fh)
{
	const struct fuse_release_in in = { .fh = fh };

	return client_ask(c, FUSE_RELEASE, node, &in, sizeof(in), NULL, 0);
}

int client_get_attr(struct client *c, uint64_t node, struct fuse_attr *ret)
{
	const struct fuse_getattr_in in = { 0 };
	int r = client_ask(c, FUSE_GETATTR, node, &in, sizeof(in), NULL, 0);

	if (r == 0)
		*ret = ((struct fuse_attr_out *)(void *)c->body)->attr;
	return r;
}

int client_hello(struct client *c)
{
	const struct fuse_init_in in = {
		.major = 7, .minor = 45, .flags = ~0U & ~(1U << 31)
	};

	return client_ask(c, FUSE_INIT, 0, &in, sizeof(in), NULL, 0);
}

void client_begin(struct client *c, unsigned files)
{
	struct err *none = NULL;
	struct fuse_options o = {
		.squash = FUSE_NO_SQUASH, .attr_ms = 1000, .files_max = files
	};

	*c = (struct client){
		.path = "/tmp/fuse-test.XXXXXX", .uid = geteuid(), .gid = getegid()
	};
	expect(mkdtemp(c->path));
	c->root = o.root = open(c->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	c->f = fuse_new(&o, none);
	expect(c->f && client_hello(c) == 0);
}

void client_end(struct client *c)
{
	char command[128];

	fuse_free(c->f);
	(void)close(c->root);
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", c->path);
	expect(system(command) == 0);
}

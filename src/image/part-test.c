/* SPDX-License-Identifier: Apache-2.0 */
#include "image/part.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/test.h"
#include "image/hash.h"
#include "image/store.h"

#define HELLO "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

static char home[] = "/tmp/brig-part-XXXXXX";

static void clean_home(void)
{
	(void)file_remove_tree(AT_FDCWD, home, NULL);
}

static void fresh(struct store *s)
{
	expect(mkdtemp(home) && setenv("BRIG_HOME", home, 1) == 0 &&
		atexit(clean_home) == 0);
	expect(store_open(STORE_CREATE, s, NULL) == 0);
}

TEST(a_part_is_resumed_where_it_ended)
{
	auto_store struct store s = { .dir = -1, .lock = -1 };
	struct part p;
	struct err e = { 0 };

	fresh(&s);
	expect(part_open(&s, HELLO, 5, &p, &e) == 0 && p.have == 0);
	expect(part_add(&p, "hel", 3, 5, &e) == 0);
	part_close(&p);
	expect(part_open(&s, HELLO, 5, &p, &e) == 0 && p.have == 3);
	expect(part_add(&p, "lox", 3, 5, &e) == -EFBIG);
	expect(part_add(&p, "lo", 2, 5, &e) == 0);
	expect(part_commit(&p, &e) == 0);
	part_close(&p);
	expect(blob_is_here(&s, HELLO, 5));
	expect(part_open(&s, HELLO, 5, &p, &e) == 1);
}

TEST(a_part_belongs_to_one_writer)
{
	auto_store struct store s = { .dir = -1, .lock = -1 };
	struct part p, q;
	struct err e = { 0 };

	fresh(&s);
	expect(part_open(&s, HELLO, 5, &p, &e) == 0);
	expect(part_open(&s, HELLO, 5, &q, &e) == -EAGAIN);
	part_close(&p);
	expect(part_open(&s, HELLO, 5, &q, &e) == 0);
	part_close(&q);
}

TEST(wrong_bytes_never_become_a_blob)
{
	auto_store struct store s = { .dir = -1, .lock = -1 };
	struct part p;
	struct err e = { 0 };

	fresh(&s);
	expect(part_open(&s, HELLO, 5, &p, &e) == 0);
	expect(part_add(&p, "hellO", 5, 5, &e) == 0);
	expect(part_commit(&p, &e) == -EBADMSG);
	part_close(&p);
	expect(!blob_is_here(&s, HELLO, 5));
	expect(part_open(&s, HELLO, 5, &p, &e) == 0 && p.have == 0);
	part_close(&p);
}

TEST(a_truncated_blob_is_no_blob)
{
	auto_store struct store s = { .dir = -1, .lock = -1 };
	char path[DIGEST_PATH_MAX];
	struct err e = { 0 };

	fresh(&s);
	expect(blob_put(&s, HELLO, "hello", 5, &e) == 0);
	expect(blob_is_here(&s, HELLO, 5));
	expect(file_replace(s.dir, digest_path(HELLO, path), "hel", 3, 0600, 0, &e) == 0);
	expect(!blob_is_here(&s, HELLO, 5));
	expect(blob_open(&s, HELLO, &e) == -ENOENT);
}

TEST(digests_are_those_of_the_standards)
{
	char out[DIGEST_TEXT_MAX];

	expect(hash_bytes("hello", 5, NULL, out, NULL) == 0);
	expect_str(out, HELLO);
	expect(hash_bytes("", 0, "sha512:", out, NULL) == 0);
	expect_str(out,
		"sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
		"47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e");
}

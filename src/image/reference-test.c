/* SPDX-License-Identifier: Apache-2.0 */
#include "image/reference.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "base/test.h"
#include "image/digest.h"

#define SHA "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void means(const char *text, const char *name)
{
	auto_reference struct reference ref = { 0 };
	struct err e = { 0 };

	if (reference_parse(text, &ref, &e) < 0)
		fprintf(stderr, "%s\n", e.msg);
	expect(ref.name);
	expect_str(ref.name, name);
}

static void refuses(const char *text, const char *why)
{
	auto_reference struct reference ref = { 0 };
	struct err e = { 0 };

	expect(reference_parse(text, &ref, &e) == -EINVAL);
	expect(!ref.name && !ref.repo);
	if (!strstr(e.msg, why))
		expect_str(e.msg, why);
}

TEST(short_names_are_completed_as_docker_does)
{
	means("debian", "docker.io/library/debian:latest");
	means("debian:12", "docker.io/library/debian:12");
	means("foo/bar", "docker.io/foo/bar:latest");
	means("docker.io/debian", "docker.io/library/debian:latest");
	means("index.docker.io/foo/bar:x", "docker.io/foo/bar:x");
	means("docker://debian", "docker.io/library/debian:latest");
	means("a/b/c/d", "docker.io/a/b/c/d:latest");
}

TEST(hosts_are_told_from_folders)
{
	means("localhost/a", "localhost/a:latest");
	means("localhost:5000/a:b", "localhost:5000/a:b");
	means("quay.io/x/y", "quay.io/x/y:latest");
	means("UPPER/case", "UPPER/case:latest");
	means("Host.Example/a", "Host.Example/a:latest");
	means("[::1]:5000/a", "[::1]:5000/a:latest");
	means("test:5000/repo", "test:5000/repo:latest");
	means("test:5000", "docker.io/library/test:5000");
	means("xn--7o8h.com/a", "xn--7o8h.com/a:latest");
}

TEST(digests_pin_a_reference)
{
	means("debian@" SHA, "docker.io/library/debian@" SHA);
	means("debian:12@" SHA, "docker.io/library/debian:12@" SHA);
	refuses("debian@sha256:abc", "digest");
	refuses("debian@md5:d41d8cd98f00b204e9800998ecf8427e", "digest");
	refuses("debian@", "digest");
}

TEST(names_keep_to_the_grammar)
{
	means("a__b/c--d.e_f", "docker.io/a__b/c--d.e_f:latest");
	refuses("", "empty");
	refuses("Debian", "lower case");
	refuses("foo/Bar", "lower case");
	refuses("a___b", "repository");
	refuses("a..b", "repository");
	refuses("-foo/bar", "repository");
	refuses("foo-/bar", "repository");
	refuses("foo//bar", "repository");
	refuses("foo/bar/", "repository");
	refuses("a:", "tag");
	refuses(":a", "repository");
	refuses("a:-x", "tag");
	refuses("a b", "repository");
	refuses("a\nb", "\\x0a");
	refuses("-a.io/b", "host");
	refuses("a.io:x/b", "host");
	refuses("[::1/b", "host");
	refuses("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"hex");
}

TEST(lengths_are_bounded)
{
	char name[700], text[700];

	memset(name, 'a', 255);
	name[255] = '\0';
	(void)snprintf(text, sizeof(text), "x.io/%.250s", name);
	means(text, strcat(strcpy(name, text), ":latest"));
	(void)snprintf(text, sizeof(text), "x.io/%.251s", name + 5);
	memset(text + 5, 'a', 251);
	refuses(text, "255");
	memset(text, 'b', sizeof(text));
	memcpy(text, "a:", 2);
	text[130] = '\0';
	means(text, strcat(strcpy(name, "docker.io/library/"), text));
	text[130] = 'b';
	text[131] = '\0';
	refuses(text, "tag");
}

TEST(transports_are_known_by_their_look)
{
	auto_reference struct reference ref = { 0 };

	means("host", "host");
	means(".", "dir:.");
	means("..", "dir:..");
	means("./x", "dir:./x");
	means("/srv/x:y", "dir:/srv/x:y");
	means("dir:x", "dir:x");
	means("oci:a/b:latest", "oci:a/b:latest");
	means("oci:a", "oci:a");
	means("docker-archive:x.tar:a/b:c", "docker-archive:x.tar:a/b:c");
	means("oci-archive:/x", "docker-archive:/x");
	means("x.tar", "docker-archive:x.tar");
	means("./a/x.tar.gz", "docker-archive:./a/x.tar.gz");
	refuses("oci:", "empty");
	refuses("oci:x:", "nothing");
	expect(reference_parse("docker-archive:x.tar:a/b:c", &ref, NULL) == 0);
	expect_str(ref.tag, "a/b:c");
	expect_str(ref.path, "x.tar");
}

TEST(the_disk_settles_what_a_path_is)
{
	auto_reference struct reference ref = { 0 };
	char dir[] = "/tmp/brig-reference-XXXXXX";
	auto_free char *want = NULL;
	struct err e = { 0 };

	expect(mkdtemp(dir) && chdir(dir) == 0);
	expect(file_replace(AT_FDCWD, "img", "x", 1, 0600, 0, NULL) == 0);
	expect(mkdir("lay", 0700) == 0);
	expect(file_replace(AT_FDCWD, "lay/oci-layout", "x", 1, 0600, 0, NULL) == 0);

	expect(reference_parse("./lay/../img", &ref, &e) == 0);
	expect(reference_settle(&ref, &e) == 0 && ref.kind == REFERENCE_ARCHIVE);
	want = str_printf("docker-archive:%s/img", dir);
	expect_str(ref.name, want);
	reference_clear(&ref);

	expect(reference_parse("./lay", &ref, &e) == 0);
	expect(reference_settle(&ref, &e) == 0 && ref.kind == REFERENCE_LAYOUT);
	reference_clear(&ref);
	expect(reference_parse(".", &ref, &e) == 0);
	expect(reference_settle(&ref, &e) == 0 && ref.kind == REFERENCE_DIR);
	expect_str(ref.path, dir);
	reference_clear(&ref);
	expect(reference_parse("./no", &ref, &e) == 0);
	expect(reference_settle(&ref, &e) == -ENOENT);
	expect(file_remove_tree(AT_FDCWD, dir, NULL) == 0);
}

TEST(names_are_shown_as_short_as_they_can_be)
{
	expect_str(reference_familiar("docker.io/library/debian:12"), "debian:12");
	expect_str(reference_familiar("docker.io/a/b:c"), "a/b:c");
	expect_str(reference_familiar("docker.io/a.b/c:d"), "docker.io/a.b/c:d");
	expect_str(reference_familiar("docker.io/library/a/b:c"), "library/a/b:c");
	expect_str(reference_familiar("quay.io/a:b"), "quay.io/a:b");
}

TEST(loopback_is_this_machine_alone)
{
	expect(reference_is_loopback("localhost"));
	expect(reference_is_loopback("localhost:5000"));
	expect(reference_is_loopback("127.0.0.1:1"));
	expect(reference_is_loopback("127.8.9.10"));
	expect(reference_is_loopback("[::1]:5000"));
	expect(!reference_is_loopback("localhost.example"));
	expect(!reference_is_loopback("127.example.org"));
	expect(!reference_is_loopback("127.0.0.1.example"));
	expect(!reference_is_loopback("127.0.0.999"));
	expect(!reference_is_loopback("128.0.0.1"));
	expect(!reference_is_loopback("[::2]:1"));
}

TEST(digests_have_one_form)
{
	char path[DIGEST_PATH_MAX], shorter[DIGEST_SHORT_MAX];
	struct err e = { 0 };

	expect(digest_valid(SHA));
	expect(!digest_valid(NULL));
	expect(!digest_valid("sha256:"));
	expect(!digest_valid(
		"sha256:"
		"E3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
	expect(!digest_valid(SHA "0"));
	expect(!digest_valid(
		"sha512:"
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
	expect_str(digest_path(SHA, path),
		"blobs/sha256/"
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	expect_str(digest_short(SHA, shorter), "e3b0c44298fc");
	expect(digest_check("../x", "the layer", &e) == -EBADMSG);
}

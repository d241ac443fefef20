/* SPDX-License-Identifier: Apache-2.0 */
#include "image/manifest.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/test.h"
#include "image/image.h"

#define A                  "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B                  "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define DESC(digest, size) "{\"digest\":\"" digest "\",\"size\":" size "}"
#define GOOD                                                                   \
	"{\"schemaVersion\":2,\"config\":" DESC(A, "10") ",\"layers\":[" DESC( \
		B, "20") "]}"

static void refuses(const char *text, int code, const char *why)
{
	auto_manifest struct manifest m = { 0 };
	struct err e = { 0 };

	expect(manifest_parse(text, strlen(text), "doc", &m, &e) == -code);
	if (!strstr(e.msg, why))
		expect_str(e.msg, why);
	expect(!m.layers.n && !m.config.digest);
}

TEST(an_image_manifest_names_its_blobs)
{
	auto_manifest struct manifest m = { 0 };
	struct err e = { 0 };

	expect(manifest_parse(GOOD, strlen(GOOD), "doc", &m, &e) == 0);
	expect(!m.is_index && m.layers.n == 1);
	expect_str(m.config.digest, A);
	expect_str(manifest_layer(&m, 0)->digest, B);
	expect(manifest_layer(&m, 0)->size == 20);
}

TEST(bad_manifests_are_refused)
{
	refuses("", EBADMSG, "JSON");
	refuses("[]", EBADMSG, "no image manifest");
	refuses("{}", EBADMSG, "schema version 2");
	refuses("{\"schemaVersion\":1,\"fsLayers\":[]}", ENOTSUP, "schema 1");
	refuses("{\"schemaVersion\":2,\"layers\":[]}", EBADMSG, "no digest");
	refuses("{\"schemaVersion\":2,\"config\":" DESC(A, "1") "}", EBADMSG, "no list");
	refuses("{\"schemaVersion\":2,\"config\":" DESC(
			A, "1") ",\"layers\":[],\"manifests\":[]}",
		EBADMSG, "at once");
	refuses("{\"schemaVersion\":2,\"config\":" DESC(A, "1") ",\"layers\":[{}]}",
		EBADMSG, "no digest");
	refuses("{\"schemaVersion\":2,\"config\":" DESC(
			"sha256:../../x", "1") ",\"layers\":[]}",
		EBADMSG, "is no sha256");
	refuses("{\"schemaVersion\":2,\"config\":" DESC(
			A, "99999999999") ",\"layers\":[]}",
		EBADMSG, "impossible size");
	refuses("{\"schemaVersion\":2,\"config\":" DESC(A, "1") ",\"layers\":[" DESC(
			B, "99999999999999") "]}",
		EBADMSG, "impossible size");
	refuses("{\"schemaVersion\":2,\"mediaType\":\"application/"
		"vnd.oci.image.index.v1+json\","
		"\"config\":" DESC(A, "1") ",\"layers\":[]}",
		ENOTSUP, "doesn't fit");
	refuses("{\"schemaVersion\":2,\"config\":" DESC(
			A, "1") ",\"layers\":[{\"mediaType\":"
				"\"application/"
				"vnd.oci.image.layer.v1.tar+encrypted\",\"digest\":\"" B
				"\",\"size\":1}]}",
		ENOTSUP, "encrypted");
}

TEST(the_count_of_layers_is_bounded)
{
	auto_buf struct buf b = { 0 };
	auto_manifest struct manifest m = { 0 };
	struct err e = { 0 };

	expect(buf_add_str(&b,
		       "{\"schemaVersion\":2,\"config\":" DESC(
			       A, "1") ",\"layers\":[" DESC(A, "1")) == 0);
	for (int i = 1; i < 127; i++)
		expect(buf_add_str(&b, "," DESC(B, "1")) == 0);
	size_t len = b.len;

	expect(buf_add_str(&b, "]}") == 0);
	expect(manifest_parse(b.data, b.len, "doc", &m, &e) == 0 && m.layers.n == 127);
	b.len = len;
	expect(buf_add_str(&b, "," DESC(B, "1") "]}") == 0);
	refuses(b.data, EBADMSG, "128 layers");
}

#define ENTRY(digest, os, arch, more)                                      \
	"{\"digest\":\"" digest "\",\"size\":5,\"platform\":{\"os\":\"" os \
	"\",\"architecture\":\"" arch "\"" more "}}"

static void chooses(const char *entries, const char *want, const char *digest)
{
	auto_free char *text =
		str_printf("{\"schemaVersion\":2,\"manifests\":[%s]}", entries);
	auto_manifest struct manifest m = { 0 };
	const struct manifest_entry *en = NULL;
	struct platform p;
	struct err e = { 0 };

	expect(platform_parse(want, &p, &e) == 0);
	expect(manifest_parse(text, strlen(text), "doc", &m, &e) == 0 && m.is_index);
	expect(manifest_choose(&m, &p, &en, &e) == (digest ? 0 : -ENOENT));
	if (digest)
		expect_str(en->desc.digest, digest);
}

TEST(the_platform_decides_among_many)
{
	chooses(ENTRY(A, "linux", "arm64", "") "," ENTRY(B, "linux", "amd64", ""),
		"linux/amd64", B);
	chooses(ENTRY(A, "windows", "amd64", "") "," ENTRY(B, "linux", "amd64", ""),
		"amd64", B);
	chooses(ENTRY(A, "linux", "amd64", ",\"variant\":\"v3\"") "," ENTRY(
			B, "linux", "amd64", ""),
		"amd64", B);
	chooses(ENTRY(A, "linux", "amd64", ",\"variant\":\"v3\""), "amd64", NULL);
	chooses(ENTRY(A, "linux", "amd64", ",\"variant\":\"v3\""), "linux/amd64/v3", A);
	chooses(ENTRY(A, "linux", "arm64", ",\"variant\":\"v8\""), "arm64", A);
	chooses(ENTRY(A, "unknown", "unknown", ""), "amd64", NULL);
	chooses("", "amd64", NULL);
}

TEST(platforms_other_than_linux_are_refused)
{
	struct platform p;
	struct err e = { 0 };

	expect(platform_parse("windows/amd64", &p, &e) == -EINVAL);
	expect(platform_parse("", &p, &e) == -EINVAL);
	expect(platform_parse("linux/a/b/c", &p, &e) == -EINVAL);
	platform_host(&p);
	expect_str(p.os, "linux");
	expect(*p.architecture);
}

static int read_config(const char *text, struct image *img, struct err *e)
{
	auto_manifest struct manifest m = { 0 };

	expect(manifest_parse(GOOD, strlen(GOOD), "doc", &m, e) == 0);
	return manifest_read_config(text, strlen(text), &m, img, e);
}

TEST(a_configuration_tells_how_to_start_the_program)
{
	auto_image struct image img = { 0 };
	struct err e = { 0 };

	expect(read_config("{\"os\":\"linux\",\"architecture\":\"amd64\",\"created\":"
			   "\"2026\","
			   "\"config\":{\"Cmd\":[\"sh\",\"-c\"],\"Entrypoint\":null,"
			   "\"Env\":[\"A=1\",\"nonsense\",\"B=\"],\"User\":\"1:2\","
			   "\"WorkingDir\":\"/w\",\"Labels\":{\"b\":\"2\",\"a\":null},"
			   "\"ExposedPorts\":{\"80/tcp\":{}},\"StopSignal\":\"SIGINT\"},"
			   "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" A "\"]}}",
		       &img, &e) == 0);
	expect(img.cmd.n == 2 && img.entrypoint.n == 0 && img.env.n == 2 &&
		img.labels.n == 2);
	expect_str(img.env.v[1], "B=");
	expect_str(img.labels.v[0], "a=");
	expect_str(img.user, "1:2");
	expect_str(img.workdir, "/w");
	expect_str(img.ports.v[0], "80/tcp");
	expect_str(img.stop_signal, "SIGINT");
	expect_str(image_layer(&img, 0)->diff_id, A);
	expect_str(image_layer(&img, 0)->digest, B);
	expect(img.size == 30);
}

static void config_refused(const char *text, const char *why)
{
	auto_image struct image img = { 0 };
	struct err e = { 0 };

	expect(read_config(text, &img, &e) < 0);
	if (!strstr(e.msg, why))
		expect_str(e.msg, why);
}

TEST(bad_configurations_are_refused)
{
	config_refused("{", "JSON");
	config_refused("{}", "rootfs");
	config_refused(
		"{\"rootfs\":{\"diff_ids\":[]}}", "names 0 layers, its manifest 1");
	config_refused("{\"rootfs\":{\"diff_ids\":[\"x\"]}}", "is no sha256");
	config_refused("{\"os\":\"plan9\",\"rootfs\":{}}", "plan9");
	config_refused("{\"rootfs\":{\"diff_ids\":[\"" A "\"]},\"config\":{\"Env\":[1]}}",
		"'Env'");
	config_refused("{\"rootfs\":{\"diff_ids\":[\"" A
		       "\"]},\"config\":{\"Cmd\":[\"a\\u0000b\"]}}",
		"'Cmd'");
	config_refused("{\"rootfs\":{\"diff_ids\":[\"" A "\"]},\"config\":{\"User\":{}}}",
		"'User'");
}

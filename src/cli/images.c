/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/images.h"

#include "base/dirs.h"
#include "base/err.h"
#include "image/reference.h"
#include "image/store.h"
#include "linux/idmap.h"
#include "sandbox/sandbox.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

int images_helper(char *const *words, bool show, struct err *e)
{
	auto_free char *program = dirs_helper("brig-image");
	auto_strv struct strv argv = { 0 };
	int status;
	pid_t pid;

	if (!program || strv_add(&argv, "brig-image") < 0 ||
		strv_add_all(&argv, words) < 0)
		return err_set(e, ENOMEM, "out of memory");
	pid = fork();
	if (pid == 0) {
		int null = show ? -1 : open("/dev/null", O_WRONLY | O_CLOEXEC);

		if (null >= 0)
			(void)dup2(null, STDOUT_FILENO);
		(void)execv(program, argv.v);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return err_sys(e, "run brig-image");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return err_set(e, ENOENT, "brig-image is not installed at '%s'", program);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int pull(const struct image_want *want, const char *mode, struct err *e)
{
	char verb[] = "pull", quiet[] = "--quiet", missing[] = "--missing";
	char *words[6], **w = words;
	int r;

	*w++ = verb;
	if (want->quiet)
		*w++ = quiet;
	if (strcmp(mode, "missing") == 0)
		*w++ = missing;
	*w++ = (char *)(uintptr_t)want->text;
	*w = NULL;
	/* the digest it prints is for scripts that call it themselves */
	r = images_helper(words, false, e);
	if (r > 0)
		return err_set(e, EIO, "image '%s' could not be had", want->text);
	return r;
}

static int take_layers(struct store *store, const struct image_want *want,
	const char *name, struct root_spec *root, struct image_choice *ret, struct err *e)
{
	auto_image struct image img = { 0 };
	char tag[IDMAP_TAG_MAX];
	int r = store_find(store, name, idmap_tag(want->ids, tag), &img, e);

	if (r < 0)
		return r;
	root->kind = ROOT_LAYERS;
	root->digest = take_ptr(&img.digest);
	root->dir = take_ptr(&img.layers_path);
	root->layers = img.dirs;
	img.dirs = (struct strv){ 0 };
	ret->env = img.env;
	img.env = (struct strv){ 0 };
	ret->workdir = take_ptr(&img.workdir);
	if (strv_add_all(&ret->argv, img.entrypoint.v) < 0 ||
		strv_add_all(&ret->argv, img.cmd.v) < 0)
		return err_set(e, ENOMEM, "out of memory");
	return 0;
}

/* On success the store stays held. */
static int look(const struct image_want *want, const char *name, struct root_spec *root,
	struct image_choice *ret, struct err *e)
{
	int r = store_open(STORE_CREATE, &ret->store, e);

	if (r == 0)
		r = store_lock_shared(&ret->store, e);
	if (r == 0)
		r = take_layers(&ret->store, want, name, root, ret, e);
	if (r < 0) {
		store_close(&ret->store);
		ret->store.dir = ret->store.lock = -1;
	}
	return r;
}

static int choose_layers(const struct image_want *want, const char *name,
	struct root_spec *root, struct image_choice *ret, struct err *e)
{
	const char *mode = want->pull ? want->pull : "missing";
	int r;

	if (strcmp(mode, "missing") != 0 && strcmp(mode, "always") != 0 &&
		strcmp(mode, "never") != 0)
		return err_set(
			e, EINVAL, "'--pull %s': write missing, always or never", mode);
	if (strcmp(mode, "always") != 0) {
		r = look(want, name, root, ret, e);
		if (r != -ENOENT)
			return r;
		if (strcmp(mode, "never") == 0) {
			err_hint(e, "brig image pull %s", want->text);
			return err_wrap(e,
				"image '%s' is not here, and --pull never was given",
				want->text);
		}
	}
	r = pull(want, mode, e);
	return r == 0 ? look(want, name, root, ret, e) : r;
}

int images_choose(const struct image_want *want, struct root_spec *root,
	struct image_choice *ret, struct err *e)
{
	auto_reference struct reference ref = { 0 };
	int r = reference_parse(want->text, &ref, e);

	if (r == 0)
		r = reference_settle(&ref, e);
	if (r < 0)
		return r;
	root->image = strdup(ref.name ? ref.name : want->text);
	if (!root->image)
		return err_set(e, ENOMEM, "out of memory");
	switch (ref.kind) {
	case REFERENCE_HOST: root->kind = ROOT_HOST; return 0;
	case REFERENCE_DIR:
		root->kind = ROOT_DIR;
		root->dir = realpath(ref.path, NULL);
		return root->dir ? 0 : err_sys(e, "image '%s'", want->text);
	case REFERENCE_LAYOUT:
	case REFERENCE_ARCHIVE:
	case REFERENCE_REGISTRY: return choose_layers(want, ref.name, root, ret, e);
	}
	return err_set(e, EINVAL, "image '%s' is of no known kind", want->text);
}

int images_in_use(struct strv *ret, struct err *e)
{
	auto_strv struct strv names = { 0 };
	int r = sandbox_names(&names, e);

	for (size_t i = 0; i < names.n && r == 0; i++) {
		auto_sandbox struct sandbox s = SANDBOX_INIT;

		/* one whose record can't be read stands on nothing that could be started
		 */
		if (sandbox_open(names.v[i], &s, NULL) == 0 && s.rec.root.digest &&
			strv_add(ret, s.rec.root.digest) < 0)
			r = err_set(e, ENOMEM, "out of memory");
	}
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/policy-store.h"

#include "base/buf.h"
#include "base/dirs.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "sandbox/policy-file.h"
#include "sandbox/sandbox.h"

const char *const policy_presets[] = { "none", "locked", "balanced", "open", NULL };

#define PRESETS        4
#define PRESET_DEFAULT "balanced"

int policy_preset_check(const char *name, struct err *e)
{
	auto_free char *shown = str_escape(name);
	const char *near = str_nearest(name, policy_presets, PRESETS);

	for (size_t i = 0; i < PRESETS; i++)
		if (strcmp(name, policy_presets[i]) == 0)
			return 0;
	(void)err_set(e, EINVAL, "no preset '%.40s'", shown ? shown : "?");
	if (near)
		err_hint(e, "did you mean '%s'?", near);
	else
		err_hint(e, "there are none, locked, balanced and open");
	return -EINVAL;
}

void policy_rules_clear(struct policy_rules *r)
{
	for (size_t i = 0; i < r->n; i++)
		rule_clear(&r->v[i]);
	free(r->v);
	*r = (struct policy_rules){ 0 };
}

const char *policy_rule_id(const struct rule *r, char out[POLICY_ID_MAX])
{
	uint64_t h = 0xcbf29ce484222325ULL; /* FNV-1a */

	for (const char *p = r->text; *p; p++)
		h = (h ^ (unsigned char)*p) * 0x100000001b3ULL;
	h ^= h >> 40;
	(void)snprintf(
		out, POLICY_ID_MAX, "%010llx", (unsigned long long)(h & 0xffffffffffULL));
	return out;
}

static int load_preset(const char *name, struct policy_rules *ret, struct err *e)
{
	auto_free char *below = str_printf("policy/%s.rules", name);
	auto_free char *path = below ? dirs_share(below) : NULL;
	auto_free char *origin = str_printf("preset %s", name);
	auto_buf struct buf text = { 0 };
	int r = policy_preset_check(name, e);

	if (r < 0 || strcmp(name, "none") == 0)
		return r;
	if (!path || !origin)
		return err_set(e, ENOMEM, "out of memory");
	/* not there is an error: brig brings it */
	r = file_read(AT_FDCWD, path, POLICY_FILE_MAX, &text, e);
	if (r < 0)
		return err_wrap(e, "preset '%s'", name);
	return policy_file_parse(
		&text, &(struct policy_file){ .where = path, .origin = origin }, ret, e);
}

static int load_global(char **preset, struct policy_rules *ret, struct err *e)
{
	auto_free char *path = dirs_path_in(DIR_CONFIG, POLICY_FILE);
	auto_free char *found = NULL;
	auto_buf struct buf text = { 0 };
	int r;

	if (!path)
		return err_set(e, ENOENT, "no home directory: set HOME or BRIG_HOME");
	r = policy_file_read(AT_FDCWD, path, &text, e);
	if (r == 0)
		r = policy_file_parse(&text,
			&(struct policy_file){
				.where = path, .origin = "global", .ret_preset = &found },
			ret, e);
	if (r == 0 && preset)
		*preset = take_ptr(&found);
	return r;
}

static int load_sandbox(const char *name, struct policy_rules *ret, struct err *e)
{
	auto_sandbox struct sandbox s = SANDBOX_INIT;
	auto_buf struct buf text = { 0 };
	auto_free char *path = NULL;
	int r = sandbox_open_raw(name, &s, e);

	if (r < 0)
		return r;
	path = str_printf("%s/" POLICY_FILE, s.path);
	if (!path)
		return err_set(e, ENOMEM, "out of memory");
	r = policy_file_read(s.dir, POLICY_FILE, &text, e);
	if (r < 0)
		return err_wrap(e, "sandbox '%s'", name);
	return policy_file_parse(&text,
		&(struct policy_file){ .where = path, .origin = "sandbox" }, ret, e);
}

int policy_rules_load(
	const struct policy_scope *s, struct policy_rules *ret, struct err *e)
{
	auto_policy_rules struct policy_rules rules = { 0 };
	int r = s->preset ? load_preset(s->preset, &rules, e) : 0;

	if (r == 0 && s->global)
		r = load_global(NULL, &rules, e);
	if (r == 0 && s->sandbox)
		r = load_sandbox(s->sandbox, &rules, e);
	if (r < 0)
		return r;
	*ret = rules;
	rules = (struct policy_rules){ 0 };
	return 0;
}

int policy_preset_default(char **ret, struct err *e)
{
	auto_policy_rules struct policy_rules rules = { 0 };
	char *preset = NULL;
	int r = load_global(&preset, &rules, e);

	if (r == 0 && !preset && str_set(&preset, PRESET_DEFAULT) < 0)
		r = err_set(e, ENOMEM, "out of memory");
	if (r == 0)
		*ret = preset;
	return r;
}

int policy_rules_compile(struct policy_rules *r, const struct strv *opens,
	struct policy **ret, struct err *e)
{
	struct policy *p = policy_new();
	int n = p ? 0 : -ENOMEM;

	for (size_t i = 0; i < r->n && n == 0; i++)
		n = policy_add(p, &r->v[i]);
	for (size_t i = 0; opens && i < opens->n && n == 0; i++)
		n = policy_open_host(p, opens->v[i]);
	if (n == 0)
		n = policy_seal(p);
	if (n == 0) {
		*ret = p;
		return 0;
	}
	policy_free(p);
	if (n == -E2BIG)
		return err_set(e, E2BIG, "more than %u rules", POLICY_RULES_MAX);
	return err_set(e, -n, "compile the rules: %s", err_text(-n));
}

static int append_json(struct json *all, const struct rule *r)
{
	struct json *j = json_new_object();

	if (j && json_add_str(j, "origin", r->origin) == 0 &&
		json_add_str(j, "text", r->text) == 0)
		return json_append(all, j);
	json_free(j);
	return -ENOMEM;
}

struct json *policy_rules_json(const struct policy_rules *r)
{
	struct json *all = json_new_array();

	for (size_t i = 0; all && i < r->n; i++)
		if (append_json(all, &r->v[i]) < 0) {
			json_free(all);
			return NULL;
		}
	return all;
}

/* The directory of the file: the global one's is made. */
static int open_dir(const char *sandbox, struct sandbox *s, struct err *e)
{
	int r;

	if (!sandbox) {
		s->dir = dirs_open(DIR_CONFIG, NULL, e);
		return s->dir < 0 ? s->dir : 0;
	}
	/* also for the name of the nearest one, where there is none */
	r = sandbox_open(sandbox, s, e);
	return r < 0 ? r : 0;
}

int policy_preset_set(const char *name, struct err *e)
{
	auto_sandbox struct sandbox s = SANDBOX_INIT;
	int r = policy_preset_check(name, e);

	if (r == 0)
		r = open_dir(NULL, &s, e);
	return r == 0 ? policy_file_set_preset(s.dir, name, e) : r;
}

int policy_store_add(
	const char *sandbox, const struct strv *lines, struct strv *added, struct err *e)
{
	auto_sandbox struct sandbox s = SANDBOX_INIT;
	int r = open_dir(sandbox, &s, e);

	return r == 0 ? policy_file_add(s.dir, !sandbox, lines, added, e) : r;
}

int policy_store_add_at(
	int dir, const struct strv *lines, const char *origin, struct err *e)
{
	auto_strv struct strv marked = { 0 };

	for (size_t i = 0; i < lines->n; i++)
		if ((origin ? strv_addf(&marked, "%s\t# by %s", lines->v[i], origin)
			    : strv_add(&marked, lines->v[i])) < 0)
			return err_set(e, ENOMEM, "out of memory");
	return policy_file_add(dir, false, &marked, NULL, e);
}

int policy_store_remove(
	const char *sandbox, const char *what, struct strv *removed, struct err *e)
{
	auto_sandbox struct sandbox s = SANDBOX_INIT;
	int r = open_dir(sandbox, &s, e);

	return r == 0 ? policy_file_remove(s.dir, !sandbox, what, removed, e) : r;
}

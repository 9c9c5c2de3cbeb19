/* tree.c: the files of a folder, or made-up ones. */
#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 32
#define MADE_UP_LEN 200

static bool is_skipped(const char *name)
{
    static const char *const names[] = {"build", "node_modules", "target", "__pycache__"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return name[0] == '.';
}

static hf_err add(cli_tree *tree, const char *path, uint64_t size)
{
    if (tree->len == CLI_TREE_FILES_MAX || size > CLI_TREE_FILE_MAX || size > CLI_TREE_BYTES_MAX - tree->bytes)
        return HF_OK;
    if (tree->len == tree->cap) {
        size_t cap = tree->cap ? 2 * tree->cap : 64;
        char **paths = realloc(tree->paths, cap * sizeof *paths);
        if (!paths)
            return HF_ENOMEM;
        tree->paths = paths;
        tree->cap = cap;
    }
    if (!(tree->paths[tree->len] = strdup(path)))
        return HF_ENOMEM;
    tree->len++;
    tree->bytes += size;
    return HF_OK;
}

static hf_err walk(cli_tree *tree, int at_fd, const char *below, int depth)
{
    DIR *folder = fdopendir(at_fd);
    hf_err err = HF_OK;

    if (!folder) {
        close(at_fd);
        return HF_EIO;
    }
    for (const struct dirent *entry; err == HF_OK && (entry = readdir(folder));) {
        char path[4096];
        struct stat info;

        if (is_skipped(entry->d_name) || fstatat(dirfd(folder), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
            snprintf(path, sizeof path, "%s%s%s", below, *below ? "/" : "", entry->d_name) >= (int)sizeof path)
            continue;
        if (S_ISREG(info.st_mode)) {
            err = add(tree, path, (uint64_t)info.st_size);
        } else if (S_ISDIR(info.st_mode) && depth < DEPTH_MAX) {
            int fd = openat(dirfd(folder), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
            if (fd >= 0) /* one that may not be read is left out */
                err = walk(tree, fd, path, depth + 1);
        }
    }
    closedir(folder);
    return err;
}

hf_err cli_tree_read(cli_tree *out, const char *folder, cli_fault *fault)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    *out = (cli_tree){0};
    if (fd < 0)
        return cli_fault_set(fault, HF_EIO, "can't read %.200s: %s", folder, strerror(errno));
    hf_err err = walk(out, fd, "", 0);
    if (err == HF_OK && !(out->root = strdup(folder)))
        err = HF_ENOMEM;
    if (err == HF_OK && out->len == 0)
        err = HF_ENOENT;
    if (err != HF_OK) {
        cli_tree_clear(out);
        return cli_fault_set(fault, err, "%.200s: %s", folder,
                             err == HF_ENOENT ? "there is no file to send in it" : hf_err_text(err));
    }
    return HF_OK;
}

/* --- Made up: the same files each time --- */

static size_t made_up_size(size_t index)
{
    return 200 + index * 7919 % 30000;
}

static hf_err make_up(cli_tree *out)
{
    hf_err err = HF_OK;

    for (size_t i = 0; i < MADE_UP_LEN && err == HF_OK; i++) {
        char path[64];
        snprintf(path, sizeof path, "src/part%02zu/file%03zu.c", i / 10, i);
        err = add(out, path, made_up_size(i));
    }
    return err;
}

static void fill(uint8_t *data, size_t len, size_t index)
{
    uint32_t state = (uint32_t)index + 1;

    for (size_t i = 0; i < len; i++) {
        state = state * 1664525 + 1013904223; /* Numerical Recipes' generator: text for a link, not a secret */
        data[i] = state >> 28 == 0 ? '\n' : (uint8_t)('a' + (state >> 20) % 26);
    }
}

hf_err cli_tree_default(cli_tree *out, cli_fault *fault)
{
    static const char *const marks[] = {".git",         "meson.build", "CMakeLists.txt", "Makefile",
                                        "package.json", "Cargo.toml",  "pyproject.toml", "go.mod"};

    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (access(marks[i], F_OK) == 0 && cli_tree_read(out, ".", fault) == HF_OK)
            return HF_OK;
    }
    *out = (cli_tree){0};
    hf_err err = make_up(out);
    return err == HF_OK ? HF_OK : cli_fault_set(fault, err, "%s", hf_err_text(err));
}

/* --- Reading --- */

static hf_err read_whole(int fd, uint8_t **data, size_t *len)
{
    struct stat info;
    size_t at = 0;

    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || (uint64_t)info.st_size > CLI_TREE_FILE_MAX)
        return HF_EIO;
    size_t size = (size_t)info.st_size;
    if (!(*data = malloc(size + 1)))
        return HF_ENOMEM;
    while (at < size) {
        ssize_t n = read(fd, *data + at, size - at);
        if (n == 0)
            break; /* it shrank meanwhile */
        if (n < 0 && errno != EINTR) {
            free(*data);
            return HF_EIO;
        }
        at += n > 0 ? (size_t)n : 0;
    }
    *len = at;
    return HF_OK;
}

hf_err cli_tree_load(const cli_tree *tree, size_t index, uint8_t **data, size_t *len)
{
    char path[8192];

    if (!tree->root) {
        *len = made_up_size(index);
        if (!(*data = malloc(*len)))
            return HF_ENOMEM;
        fill(*data, *len, index);
        return HF_OK;
    }
    if (snprintf(path, sizeof path, "%s/%s", tree->root, tree->paths[index]) >= (int)sizeof path)
        return HF_EIO;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return HF_EIO;
    hf_err err = read_whole(fd, data, len);
    close(fd);
    return err;
}

void cli_tree_clear(cli_tree *tree)
{
    for (size_t i = 0; i < tree->len; i++)
        free(tree->paths[i]);
    free(tree->paths);
    free(tree->root);
    *tree = (cli_tree){0};
}

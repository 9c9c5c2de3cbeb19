/* corpus.c: reading tests/corpus. HF_CORPUS, its path, comes from the build. */
#include "corpus.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_SIZE 4096

static _Noreturn void give_up(const char *what, const char *why)
{
    fprintf(stderr, "corpus: %s: %s\n", what, why);
    exit(99);
}

static void *memory_of(size_t size)
{
    void *memory = malloc(size > 0 ? size : 1);
    if (!memory)
        give_up("malloc", "out of memory");
    return memory;
}

static void full_path(const char *path, char out[PATH_SIZE])
{
    if (snprintf(out, PATH_SIZE, "%s/%s", HF_CORPUS, path) >= PATH_SIZE)
        give_up(path, "the path is too long");
}

hf_bytes corpus_read_file(const char *path)
{
    char full[PATH_SIZE];
    full_path(path, full);
    FILE *file = fopen(full, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0)
        give_up(path, "can't be opened");
    long size = ftell(file);
    rewind(file);
    if (size < 0)
        give_up(path, "can't be measured");

    uint8_t *data = memory_of((size_t)size + 1);
    if (fread(data, 1, (size_t)size, file) != (size_t)size)
        give_up(path, "can't be read");
    data[size] = 0;
    fclose(file);
    return (hf_bytes){data, (size_t)size};
}

static int digit_of(char c)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)((at - digits) % 16) : -1;
}

static hf_bytes bytes_of_hex(const char *text, size_t len)
{
    uint8_t *data = memory_of(len / 2);
    size_t n = 0;
    for (size_t i = 0; i < len;) {
        if (strchr(" \t\r\n", text[i])) {
            i++;
            continue;
        }
        int high = digit_of(text[i]);
        int low = i + 1 < len ? digit_of(text[i + 1]) : -1;
        if (high < 0 || low < 0)
            give_up(text, "is not hex");
        data[n++] = (uint8_t)(high * 16 + low);
        i += 2;
    }
    uint8_t *exact = memory_of(n);
    memcpy(exact, data, n);
    free(data);
    return (hf_bytes){exact, n};
}

hf_bytes corpus_bytes_of_hex(const char *text)
{
    return bytes_of_hex(text, strlen(text));
}

void corpus_free(hf_bytes bytes)
{
    union {
        const uint8_t *read_only;
        void *owned;
    } data = {bytes.data};
    free(data.owned);
}

static void add_line(corpus_hex *hex, const char *line, size_t len)
{
    if (len > 0 && line[0] == '#') {
        size_t skip = len > 1 && line[1] == ' ' ? 2 : 1;
        char *comment = memory_of(len - skip + 1);
        memcpy(comment, line + skip, len - skip);
        comment[len - skip] = 0;
        hex->comments[hex->comments_len++] = comment;
    } else if (len > 0) {
        hex->packets[hex->packets_len++] = bytes_of_hex(line, len);
    }
}

corpus_hex corpus_read_hex(const char *path)
{
    hf_bytes file = corpus_read_file(path);
    const char *text = (const char *)file.data;
    size_t lines = 1;
    for (const char *c = text; *c; c++)
        lines += *c == '\n';

    corpus_hex hex = {.packets = memory_of(lines * sizeof(hf_bytes)), .comments = memory_of(lines * sizeof(char *))};
    while (*text) {
        size_t len = strcspn(text, "\r\n");
        add_line(&hex, text, len);
        text += len;
        text += strspn(text, "\r\n");
    }
    corpus_free(file);
    return hex;
}

void corpus_hex_clear(corpus_hex *hex)
{
    for (size_t i = 0; i < hex->packets_len; i++)
        corpus_free(hex->packets[i]);
    for (size_t i = 0; i < hex->comments_len; i++)
        free(hex->comments[i]);
    free(hex->packets);
    free(hex->comments);
    *hex = (corpus_hex){0};
}

const char *corpus_hex_comment(const corpus_hex *hex, const char *start)
{
    for (size_t i = 0; i < hex->comments_len; i++) {
        if (strncmp(hex->comments[i], start, strlen(start)) == 0)
            return hex->comments[i] + strlen(start);
    }
    return NULL;
}

static bool has_ends(const char *name, const char *start, const char *end)
{
    size_t len = strlen(name), end_len = strlen(end);
    return strncmp(name, start, strlen(start)) == 0 && len >= end_len && strcmp(name + len - end_len, end) == 0;
}

char **corpus_list(const char *folder, const char *start, const char *end)
{
    char full[PATH_SIZE];
    full_path(folder, full);
    struct dirent **entries = NULL;
    int n = scandir(full, &entries, NULL, alphasort);
    if (n < 0)
        give_up(folder, "can't be listed");

    char **paths = memory_of(((size_t)n + 1) * sizeof(char *));
    size_t len = 0;
    for (int i = 0; i < n; i++) {
        if (entries[i]->d_name[0] != '.' && has_ends(entries[i]->d_name, start, end)) {
            size_t size = strlen(folder) + strlen(entries[i]->d_name) + 2;
            paths[len] = memory_of(size);
            snprintf(paths[len++], size, "%s/%s", folder, entries[i]->d_name);
        }
        free(entries[i]);
    }
    free(entries);
    paths[len] = NULL;
    if (len == 0)
        give_up(folder, "holds no such file");
    return paths;
}

void corpus_list_free(char **paths)
{
    for (char **path = paths; path && *path; path++)
        free(*path);
    free(paths);
}

/* tls_server.c: the other end of a TLS connection. */
#include "tls_server.h"

#include <holdfast/base.h>

#include <mbedtls/asn1write.h>
#include <mbedtls/ecp.h>
#include <mbedtls/oid.h>
#include <mbedtls/pem.h>
#include <mbedtls/pk.h>
#include <stdlib.h>
#include <string.h>

#define DER_MAX 1500

static uint64_t generator;

static int random_bytes(void *context, unsigned char *out, size_t len)
{
    (void)context;
    for (size_t i = 0; i < len; i++) {
        generator = generator * UINT64_C(6364136223846793005) + 1442695040888963407u;
        out[i] = (unsigned char)(generator >> 56);
    }
    return 0;
}

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* --- Certificates --- */

/* RFC 5280 §4.2.1.6. mbedTLS writes from the end towards the front. */
static void set_names(mbedtls_x509write_cert *writer, const tls_recipe *recipe)
{
    unsigned char der[512], *at = der + sizeof der;
    int len = 0;

    for (size_t i = 0; i < TLS_CARD_NAMES_MAX; i++) {
        hf_addr addr;
        const unsigned char *bytes = NULL;
        size_t bytes_len = 0;
        unsigned char kind = MBEDTLS_X509_SAN_DNS_NAME;
        if (recipe->names[i]) {
            bytes = (const unsigned char *)recipe->names[i];
            bytes_len = strlen(recipe->names[i]);
        } else if (recipe->ips[i]) {
            must(hf_addr_parse(recipe->ips[i], strlen(recipe->ips[i]), &addr));
            kind = MBEDTLS_X509_SAN_IP_ADDRESS;
            bytes = addr.ip;
            bytes_len = addr.family == HF_FAMILY_IPV4 ? 4 : 16;
        } else {
            continue;
        }
        len += mbedtls_asn1_write_raw_buffer(&at, der, bytes, bytes_len);
        len += mbedtls_asn1_write_len(&at, der, bytes_len);
        len += mbedtls_asn1_write_tag(&at, der, (unsigned char)(MBEDTLS_ASN1_CONTEXT_SPECIFIC | kind));
    }
    if (len == 0)
        return;
    len += mbedtls_asn1_write_len(&at, der, (size_t)len);
    len += mbedtls_asn1_write_tag(&at, der, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE);
    must(mbedtls_x509write_crt_set_extension(writer, MBEDTLS_OID_SUBJECT_ALT_NAME,
                                             MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME), 0, at, (size_t)len) == 0);
}

static void set_purpose(mbedtls_x509write_cert *writer)
{
    unsigned char der[32], *at = der + sizeof der;
    int len = mbedtls_asn1_write_oid(&at, der, MBEDTLS_OID_CLIENT_AUTH, MBEDTLS_OID_SIZE(MBEDTLS_OID_CLIENT_AUTH));

    len += mbedtls_asn1_write_len(&at, der, (size_t)len);
    len += mbedtls_asn1_write_tag(&at, der, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE);
    must(mbedtls_x509write_crt_set_extension(writer, MBEDTLS_OID_EXTENDED_KEY_USAGE,
                                             MBEDTLS_OID_SIZE(MBEDTLS_OID_EXTENDED_KEY_USAGE), 0, at, (size_t)len) == 0);
}

static void write_name(char out[128], const char *subject)
{
    const char *name = subject ? subject : "somebody";
    must(strlen(name) < 120);
    memcpy(out, "CN=", 3);
    memcpy(out + 3, name, strlen(name) + 1);
}

void tls_card_make(tls_card *card, const tls_recipe *recipe, const tls_card *signer)
{
    static unsigned serial_last;
    unsigned char der[DER_MAX];
    char subject[128], issuer[256];
    mbedtls_x509write_cert writer;
    mbedtls_mpi serial;
    size_t len;

    memset(card, 0, sizeof *card);
    mbedtls_pk_init(&card->key);
    mbedtls_x509_crt_init(&card->certificate);
    must(mbedtls_pk_setup(&card->key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)) == 0);
    must(mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(card->key), random_bytes, NULL) == 0);

    mbedtls_mpi_init(&serial);
    must(mbedtls_mpi_lset(&serial, (mbedtls_mpi_sint)++serial_last) == 0);
    mbedtls_x509write_crt_init(&writer);
    mbedtls_x509write_crt_set_version(&writer, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(&writer, MBEDTLS_MD_SHA256);
    write_name(subject, recipe->subject);
    must(mbedtls_x509write_crt_set_serial(&writer, &serial) == 0);
    must(mbedtls_x509write_crt_set_subject_name(&writer, subject) == 0);
    if (signer)
        must(mbedtls_x509_dn_gets(issuer, sizeof issuer, &signer->certificate.subject) > 0);
    must(mbedtls_x509write_crt_set_issuer_name(&writer, signer ? issuer : subject) == 0);
    must(mbedtls_x509write_crt_set_validity(&writer, recipe->from ? recipe->from : "20000101000000",
                                            recipe->until ? recipe->until : "20491231235959") == 0);
    must(mbedtls_x509write_crt_set_basic_constraints(&writer, recipe->is_authority, -1) == 0);
    set_names(&writer, recipe);
    if (recipe->is_for_clients)
        set_purpose(&writer);
    mbedtls_pk_context signing = signer ? signer->key : card->key;
    mbedtls_x509write_crt_set_subject_key(&writer, &card->key);
    mbedtls_x509write_crt_set_issuer_key(&writer, &signing);
    int written = mbedtls_x509write_crt_der(&writer, der, sizeof der, random_bytes, NULL);
    must(written > 0);
    mbedtls_x509write_crt_free(&writer);
    mbedtls_mpi_free(&serial);
    must(mbedtls_x509_crt_parse_der(&card->certificate, der + sizeof der - written, (size_t)written) == 0);
    must(mbedtls_pem_write_buffer("-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n", card->certificate.raw.p,
                                  card->certificate.raw.len, (unsigned char *)card->pem, sizeof card->pem, &len) == 0);
    must(mbedtls_pk_write_key_pem(&card->key, (unsigned char *)card->key_pem, sizeof card->key_pem) == 0);
}

void tls_card_clear(tls_card *card)
{
    mbedtls_pk_free(&card->key);
    mbedtls_x509_crt_free(&card->certificate);
}

/* --- The server --- */

static void push(tls_server_bytes *bytes, const void *data, size_t len)
{
    must(len <= sizeof bytes->memory - bytes->len);
    if (len > 0)
        memcpy(bytes->memory + bytes->len, data, len);
    bytes->len += len;
}

static size_t pull(tls_server_bytes *bytes, void *out, size_t cap)
{
    size_t len = bytes->len < cap ? bytes->len : cap;
    if (len == 0)
        return 0;
    memcpy(out, bytes->memory, len);
    bytes->len -= len;
    memmove(bytes->memory, bytes->memory + len, bytes->len);
    return len;
}

static int on_send(void *context, const unsigned char *bytes, size_t len)
{
    push(&((tls_server *)context)->out, bytes, len);
    return (int)len;
}

static int on_receive(void *context, unsigned char *out, size_t cap)
{
    size_t len = pull(&((tls_server *)context)->in, out, cap);
    return len > 0 ? (int)len : MBEDTLS_ERR_SSL_WANT_READ;
}

static int on_name(void *context, mbedtls_ssl_context *ssl, const unsigned char *name, size_t len)
{
    tls_server *server = context;
    (void)ssl;
    must(len < sizeof server->asked_for);
    memcpy(server->asked_for, name, len);
    server->asked_for[len] = '\0';
    return 0;
}

void tls_server_init(tls_server *server, const tls_card *const *chain)
{
    memset(server, 0, sizeof *server);
    generator = 1000; /* each server's run is the same */
    mbedtls_ssl_config_init(&server->conf);
    mbedtls_ssl_init(&server->ssl);
    mbedtls_x509_crt_init(&server->shown);
    must(mbedtls_ssl_config_defaults(&server->conf, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM,
                                     MBEDTLS_SSL_PRESET_DEFAULT) == 0);
    mbedtls_ssl_conf_rng(&server->conf, random_bytes, NULL);
    mbedtls_ssl_conf_sni(&server->conf, on_name, server);
    for (const tls_card *const *card = chain; *card; card++)
        must(mbedtls_x509_crt_parse_der(&server->shown, (*card)->certificate.raw.p, (*card)->certificate.raw.len) == 0);
    server->shown.ext_types &= ~MBEDTLS_X509_EXT_EXTENDED_KEY_USAGE; /* mbedTLS would not show one that is for clients */
    union {
        const mbedtls_pk_context *key;
        mbedtls_pk_context *plain;
    } cast = {.key = &chain[0]->key};
    must(mbedtls_ssl_conf_own_cert(&server->conf, &server->shown, cast.plain) == 0);
    must(mbedtls_ssl_setup(&server->ssl, &server->conf) == 0);
    mbedtls_ssl_set_bio(&server->ssl, server, on_send, on_receive, NULL);
}

void tls_server_clear(tls_server *server)
{
    mbedtls_ssl_free(&server->ssl);
    mbedtls_ssl_config_free(&server->conf);
    mbedtls_x509_crt_free(&server->shown);
}

void tls_server_input(tls_server *server, const void *bytes, size_t len)
{
    push(&server->in, bytes, len);
    if (server->is_open || server->has_failed)
        return;
    int err = mbedtls_ssl_handshake(&server->ssl);
    server->is_open = err == 0;
    server->has_failed = err != 0 && err != MBEDTLS_ERR_SSL_WANT_READ;
}

size_t tls_server_transmit(tls_server *server, void *out, size_t cap)
{
    return pull(&server->out, out, cap);
}

size_t tls_server_read(tls_server *server, void *out, size_t cap)
{
    int got = server->is_open && !server->has_failed ? mbedtls_ssl_read(&server->ssl, out, cap) : 0;
    server->is_closed |= got == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY;
    server->has_failed |= got < 0 && got != MBEDTLS_ERR_SSL_WANT_READ && got != MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY;
    return got > 0 ? (size_t)got : 0;
}

bool tls_server_write(tls_server *server, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    while (server->is_open && len > 0) {
        int taken = mbedtls_ssl_write(&server->ssl, at, len);
        if (taken <= 0)
            return false;
        at += taken;
        len -= (size_t)taken;
    }
    return server->is_open;
}

void tls_server_close(tls_server *server)
{
    (void)mbedtls_ssl_close_notify(&server->ssl);
}

/* program.c: a program outside of the tree, as C and as C++: it makes a peer and an offer, which
 * needs all that is linked. */
#include <holdfast/holdfast.h>

#include <stdio.h>
#include <string.h>

static int expect(const char *what, hf_err err)
{
    if (err)
        fprintf(stderr, "%s: %s\n", what, hf_err_text(err));
    return err == HF_OK;
}

static int make_offer(hf_loop *loop, const hf_env *env)
{
    hf_peer_config config;
    hf_datachannel_config channel_config;
    hf_datachannel channel;
    hf_peer *peer = NULL;
    const char *sdp = NULL;
    memset(&config, 0, sizeof config);
    memset(&channel_config, 0, sizeof channel_config);
    config.engine = hf_loop_engine(loop);
    channel_config.label = "news";

    int ok = expect("hf_peer_new", hf_peer_new(&peer, &config, env)) &&
             expect("hf_peer_open_channel", hf_peer_open_channel(peer, hf_loop_now(loop), &channel_config, &channel)) &&
             expect("hf_peer_create_offer", hf_peer_create_offer(peer, hf_loop_now(loop), &sdp));
    if (ok && (!sdp || strncmp(sdp, "v=0\r\n", 5) != 0 || !strstr(sdp, "webrtc-datachannel"))) {
        fprintf(stderr, "this is no offer: %s\n", sdp ? sdp : "(null)");
        ok = 0;
    }
    hf_peer_free(peer);
    return ok;
}

int main(void)
{
    hf_env env;
    hf_loop *loop = NULL;
    hf_env_system(&env);
    if (!expect("hf_loop_new", hf_loop_new(&loop, &env)))
        return 1;
    int ok = make_offer(loop, &env);
    hf_loop_free(loop);
    printf("holdfast %s: %s\n", HF_VERSION, ok ? "an offer was made" : "failed");
    return ok ? 0 : 1;
}

/* link.c: the session protocol on one connection. */
#include "session_priv.h"

void hf_link_recognise(hf_connection *connection, hf_session_protocol protocol)
{
    connection->link.protocol = protocol;
}

bool hf_link_resumes(const hf_connection *connection)
{
    (void)connection;
    return false;
}

bool hf_link_is_ready(const hf_connection *connection)
{
    return connection->state == HF_CONNECTION_CONNECTED;
}

void hf_link_take_over(hf_connection *connection, hf_connection *before, bool continues)
{
    (void)connection;
    (void)before;
    (void)continues;
}

void hf_link_pause(hf_connection *connection)
{
    (void)connection;
}

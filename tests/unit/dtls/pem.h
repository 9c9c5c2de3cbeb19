/* pem.h: keys and certificates as openssl writes them, made for these tests and used nowhere else. */
#ifndef TEST_DTLS_PEM_H
#define TEST_DTLS_PEM_H

#define EC_KEY \
    "-----BEGIN EC PRIVATE KEY-----\n" \
    "MHcCAQEEIFuy89ez6/dacNftu8P0RBiWyVpNWV3bh0Z9YTMXQ8T+oAoGCCqGSM49\n" \
    "AwEHoUQDQgAEfWVTveP5lTjkitnn4q+AflTta/GTUmDCJutv/K4jeZ679mQsXgAs\n" \
    "4G06B0hGqO6TXOJrwl5LPvIwsvIb0kDO+Q==\n" \
    "-----END EC PRIVATE KEY-----\n"

#define EC_CERTIFICATE \
    "-----BEGIN CERTIFICATE-----\n" \
    "MIIBeDCCAR2gAwIBAgIUANrp3ogrkeQLfLQoGrn7MQZ2ObUwCgYIKoZIzj0EAwIw\n" \
    "EDEOMAwGA1UEAwwFb3RoZXIwIBcNMjYxMTIyMjM0MjUxWhgPMjA4MTA4MjUyMzQy\n" \
    "NTFaMBAxDjAMBgNVBAMMBW90aGVyMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n" \
    "fWVTveP5lTjkitnn4q+AflTta/GTUmDCJutv/K4jeZ679mQsXgAs4G06B0hGqO6T\n" \
    "XOJrwl5LPvIwsvIb0kDO+aNTMFEwHQYDVR0OBBYEFIWcfPGvi9uDdxyC2AXM8Cr2\n" \
    "ImCXMB8GA1UdIwQYMBaAFIWcfPGvi9uDdxyC2AXM8Cr2ImCXMA8GA1UdEwEB/wQF\n" \
    "MAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhAI5+BjJxdM3DAKyq9Os62lxussVHDtXR\n" \
    "BZG7NHS+jAwOAiEAwABOSp1t10UqtwMKydztp9MAeKhvrVgMZJWHscm3Ot0=\n" \
    "-----END CERTIFICATE-----\n"

#define EC_FINGERPRINT \
    0x9C, 0xCD, 0xFD, 0x1F, 0x39, 0x3A, 0xDE, 0xFC, 0xDC, 0xE9, 0x4D, 0xC3, 0xF1, 0x13, 0x69, 0x6F, \
    0xD5, 0xE6, 0x42, 0x3D, 0x0E, 0x90, 0x50, 0x78, 0x96, 0x72, 0xF9, 0xB1, 0x9D, 0x70, 0xB2, 0x5C

/* The same key in other clothes. */
#define EC_KEY_PKCS8 \
    "-----BEGIN PRIVATE KEY-----\n" \
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgW7Lz17Pr91pw1+27\n" \
    "w/REGJbJWk1ZXduHRn1hMxdDxP6hRANCAAR9ZVO94/mVOOSK2efir4B+VO1r8ZNS\n" \
    "YMIm62/8riN5nrv2ZCxeACzgbToHSEao7pNc4mvCXks+8jCy8hvSQM75\n" \
    "-----END PRIVATE KEY-----\n"
#define EC_PARAMETERS \
    "-----BEGIN EC PARAMETERS-----\n" \
    "BggqhkjOPQMBBw==\n" \
    "-----END EC PARAMETERS-----\n"
#define ENCRYPTED_KEY \
    "-----BEGIN EC PRIVATE KEY-----\n" \
    "Proc-Type: 4,ENCRYPTED\n" \
    "DEK-Info: AES-128-CBC,FE029CBA01085232D85CC92DA9F11F80\n" \
    "\n" \
    "niEW2bJir4ehwXZYOS3GvAQAwlh2EsJht9iQ69JXg2BYnFDb9kD3GvMUOkorbVUx\n" \
    "y+W9YurgFmUSumCCcmgacsHSCBYPOu+KQ150zWRMqb22WJ75uyIIIk+W4i4jr7Di\n" \
    "TbnuQbvz/rp8b/QLWwlFDlFX7Pzxr06n/g6Gs7FUsnk=\n" \
    "-----END EC PRIVATE KEY-----\n"

#define OTHER_KEY \
    "-----BEGIN EC PRIVATE KEY-----\n" \
    "MHcCAQEEIHqVPWQpDE7tPXBGw1slBHjiZib4e1Q1ut8P98FAPz2loAoGCCqGSM49\n" \
    "AwEHoUQDQgAEoDmMT671ReQSewJat9bFABSC4n+dYw+tLM0p2Y6hh7N0oS14a6+N\n" \
    "cRCm1zQ0K7A0phY9IQzsNhWEjIcnjgrbbw==\n" \
    "-----END EC PRIVATE KEY-----\n"

#define RSA_KEY \
    "-----BEGIN PRIVATE KEY-----\n" \
    "MIIEvAIBADANBgkqhkiG9w0BAQEFAASCBKYwggSiAgEAAoIBAQDMmL4diPECPCI4\n" \
    "VU0x8aB+SbVEppsb86FbyH0vYc8vAfr3+om2yPMpE0ilj9oVvnFgzle+Lbyy5bic\n" \
    "DvYWIK9m0zVBFLu2V/mq9myu+a/80aZtuDBU7YYYLJio0+CUn8mPls5nF6vIQZdJ\n" \
    "jboBHVDB2+nHr64ZT8XHw+WQxJFdtZ97Q0NZ8Rdjftfn4QAv1XlIgdDzSx7EmexN\n" \
    "JQPwPIMiyZC8yiZ7hotnU9ZLOgIHierzk0Is+n0FwRJ3xXOP1yo/+9eIIcxEc8JZ\n" \
    "K4/IgadXvkD7PLI2yb52f757rwIsom2BtZJ9oakh/fWvs7Xf1fGvAGdrJzTg0KZZ\n" \
    "+LFn6PUZAgMBAAECggEAIdHc2VJ97l3k1TWKh2c23bFO8LxuluIAqgSb5uVu40kb\n" \
    "RHsKYSfaBA/vOgjrppz+rl8lg2cZkmPlToytko5QGDnxC2NDPTrRJzjJUeottGeu\n" \
    "cGQaPyutNxlGGeA+NysrnRvzXfi8eWOYP70ZAl6nbwgsXokUiRQV8DXaYIIRunDD\n" \
    "7YftCHWcS8L4Ks3QBdERHrYK5s+mBFmLOlGQw3YIEK9wI81EI5rLgztqp3RWicTo\n" \
    "FRXJBrulNT2VAMt1w+6GLWJLyAzbi0dsUqSBkvpGV/vcOkdch0JrbiHDAZuFdD4g\n" \
    "VFVw1FJ/HwKEuLkddbHxkoGbguY0GVyuD0mSKQprBQKBgQDrO+1nkoGeokjKEnfo\n" \
    "DnlTDORuPvfkqps9GA8amzfL7UTXoZNZ0L93IpImo0rWRaWoH8ncitc7mDrIKlIZ\n" \
    "w2tlsXt7abFcumeEY3+ICfNBIAlfnccxLwCtzP4Bkw5BefTKVmSo+wUAFNeuHmnC\n" \
    "rli6yiz+I/0g8xT6TvbwXDTLLQKBgQDeqG//rVr0OTt9p509c8zh3iyWInxKMDfk\n" \
    "omCyEIjsnyeV96JMTowwJYSk6bGHnsP6kGT0+Oyav+av3AXcevDFo9K0MfF553Mu\n" \
    "lIwC12DTR7e2B03qOIH8D4Xhw6aYEfNRQ+jU6Nx9KB73WjuMajw3kw1102u5g9we\n" \
    "gxikU1hVHQKBgAKS1EUW0D45DkzPqOosBl3HPVSLcdDZoPspITksS476mI83YFJS\n" \
    "O1YFVc4AaVgwyOAvANld1376amI4PE+12J3zNCOkg2E9VNaY9BM78KJcxF18b2p1\n" \
    "Vi+Ql5LS1gwXVntEOLO0k1ht4fIwuP19RNE+VwGsyR8sKaWXaZI1oAo9AoGABBA2\n" \
    "2wei3UoeF9DzQafXWVfgoGzIr+HpYzbDZPyAQzE0W7xFLfdQ/5/vp8LMBpmTIgN4\n" \
    "lC/mwXw3DYaKZNephTHUKo2uxna+117Gn1am4bQxWhUQCvI1DRCLdO9JHwVU12rR\n" \
    "2PDW9UHCLulqpMlbh/gbCsds89nALp5d2MHcntECgYAiV4bh13ojtbKWNrIDAg39\n" \
    "IkYhGwHeAoGAW0b5vikNQt/Q3G3eKcqYZiNioFWftUKckokWGeV3fTCTIJiiowsK\n" \
    "Xx/DLpQQwr0s1p443IF3Vt+pNreo0peyVIgrUAjj4rSNLnjBt5dJ1cKOOQwSMSvd\n" \
    "Zlm9cKUiOGsZoZo+w2LRLw==\n" \
    "-----END PRIVATE KEY-----\n"

#define RSA_CERTIFICATE \
    "-----BEGIN CERTIFICATE-----\n" \
    "MIIC/zCCAeegAwIBAgIUCjiLMgmrHAu8Ss9YEQa+hZV5HT8wDQYJKoZIhvcNAQEL\n" \
    "BQAwDjEMMAoGA1UEAwwDb2xkMCAXDTI2MTEyMjIzNDI1MVoYDzIwODEwODI1MjM0\n" \
    "MjUxWjAOMQwwCgYDVQQDDANvbGQwggEiMA0GCSqGSIb3DQEBAQUAA4IBDwAwggEK\n" \
    "AoIBAQDMmL4diPECPCI4VU0x8aB+SbVEppsb86FbyH0vYc8vAfr3+om2yPMpE0il\n" \
    "j9oVvnFgzle+Lbyy5bicDvYWIK9m0zVBFLu2V/mq9myu+a/80aZtuDBU7YYYLJio\n" \
    "0+CUn8mPls5nF6vIQZdJjboBHVDB2+nHr64ZT8XHw+WQxJFdtZ97Q0NZ8Rdjftfn\n" \
    "4QAv1XlIgdDzSx7EmexNJQPwPIMiyZC8yiZ7hotnU9ZLOgIHierzk0Is+n0FwRJ3\n" \
    "xXOP1yo/+9eIIcxEc8JZK4/IgadXvkD7PLI2yb52f757rwIsom2BtZJ9oakh/fWv\n" \
    "s7Xf1fGvAGdrJzTg0KZZ+LFn6PUZAgMBAAGjUzBRMB0GA1UdDgQWBBS/S+dzy46L\n" \
    "U+s1XqkbEcgWFMml7DAfBgNVHSMEGDAWgBS/S+dzy46LU+s1XqkbEcgWFMml7DAP\n" \
    "BgNVHRMBAf8EBTADAQH/MA0GCSqGSIb3DQEBCwUAA4IBAQChwThFXh7ww+L2Zczg\n" \
    "PUJH4wTkmF4c2KP7oC3VGaBihNteJ+MG6fVwzhmUjzOp2+k1RSNyCGkFyQqQlDDF\n" \
    "hcQ2UCZvQ7pcBTCNIP/8DcxF0mB93OAjGJ5+WzZnWZA6b/x+/JIRayfUR5h+ZtrT\n" \
    "465DFS177Vh+PP/Ol9mMt5Nh1IJB0aZwUmWEE3E+Ynd6lhYupCh7cFFD8bVr18iC\n" \
    "0i3sdmt95oTXqM9xVfiBqte4rCL0VOieRdyEjQG4S15/TQB2+hSeL9dK0o6wHQ+k\n" \
    "mycfOezBtisROCbToTHofdJTHVwD2fFc+uK2q1ZK81pxv0wukXl/3HVDP5TqnVvy\n" \
    "Qxrr\n" \
    "-----END CERTIFICATE-----\n"

/* The first key's, of other times. */
#define EXPIRED_CERTIFICATE \
    "-----BEGIN CERTIFICATE-----\n" \
    "MIIBAjCBqgIBATAKBggqhkjOPQQDAjAOMQwwCgYDVQQDDANvbGQwHhcNMDAwMTAx\n" \
    "MDAwMDAwWhcNMDEwMTAxMDAwMDAwWjAOMQwwCgYDVQQDDANvbGQwWTATBgcqhkjO\n" \
    "PQIBBggqhkjOPQMBBwNCAAR9ZVO94/mVOOSK2efir4B+VO1r8ZNSYMIm62/8riN5\n" \
    "nrv2ZCxeACzgbToHSEao7pNc4mvCXks+8jCy8hvSQM75MAoGCCqGSM49BAMCA0cA\n" \
    "MEQCIFS5uQxO3JcPRI8+uYfn+PdkrgRPeXlAFvVtKt7caWZaAiAgZSTa/rcEypvV\n" \
    "YHyZwfCqfgCjqJHjwfsNbhgWZ2/g6A==\n" \
    "-----END CERTIFICATE-----\n"

#define FUTURE_CERTIFICATE \
    "-----BEGIN CERTIFICATE-----\n" \
    "MIIBAjCBqgIBAjAKBggqhkjOPQQDAjAOMQwwCgYDVQQDDANvbGQwHhcNNDgwMTAx\n" \
    "MDAwMDAwWhcNNDkwMTAxMDAwMDAwWjAOMQwwCgYDVQQDDANvbGQwWTATBgcqhkjO\n" \
    "PQIBBggqhkjOPQMBBwNCAAR9ZVO94/mVOOSK2efir4B+VO1r8ZNSYMIm62/8riN5\n" \
    "nrv2ZCxeACzgbToHSEao7pNc4mvCXks+8jCy8hvSQM75MAoGCCqGSM49BAMCA0cA\n" \
    "MEQCIGVvOnQl7ba3mJwyqNzVojXo70cIvIluUCAhgjFkvwzVAiAT+aqswAGRxZEu\n" \
    "5nrRZ/6UhKrzP2hV8BNPms75x81C7A==\n" \
    "-----END CERTIFICATE-----\n"

#define ENCRYPTED_KEY_PKCS8 \
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n" \
    "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAihJxtBILaSEAICA+gw\n" \
    "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEAQIEEElnKByJB/1/YQqRw3pI2nsEgZBk\n" \
    "Xmr1TDP/hqVyv9PXLEmjFSwikkoafSi1WP7LT2KCtb+D0kW+DlvuJGSV34uVRTcL\n" \
    "gjn1uHgGKqjScD+NJq2R9dh34sXj3j/45KeBYv04vnIOOQxrYlx5jbe2mKwchVii\n" \
    "hdMXe/fx4cgQ+psWQFORvFHeKaPHDKtE8gIAodk3MnAc+D5Fc9pl2ZvWcMiykLM=\n" \
    "-----END ENCRYPTED PRIVATE KEY-----\n"

#define P384_KEY \
    "-----BEGIN EC PRIVATE KEY-----\n" \
    "MIGkAgEBBDDUuitlLLsze7DnBByK8hz+S5gUoDFnLKEQS9uCrEG8pEY7+0Y0MUOp\n" \
    "4m47KVl9jeugBwYFK4EEACKhZANiAAQzNrcD6c9hu62WZRw0nFE93X+GIeAYGv6i\n" \
    "i9Iz7mavl2nxwrqyCMtuMDC2VaRHKE9YRszl0eiSGbolfJF50QLOqEHtUaCDomjI\n" \
    "sTpMjuSfE46nMzDRZoPBLPfAZJRKeVQ=\n" \
    "-----END EC PRIVATE KEY-----\n"

#define P384_CERTIFICATE \
    "-----BEGIN CERTIFICATE-----\n" \
    "MIIBsTCCATigAwIBAgIUT/+8znD/7Vk9FvTcAeiLKtugRpgwCgYIKoZIzj0EAwMw\n" \
    "DzENMAsGA1UEAwwEcDM4NDAgFw0yNjExMjMwMjA5NDVaGA8yMDgxMDgyNjAyMDk0\n" \
    "NVowDzENMAsGA1UEAwwEcDM4NDB2MBAGByqGSM49AgEGBSuBBAAiA2IABDM2twPp\n" \
    "z2G7rZZlHDScUT3df4Yh4Bga/qKL0jPuZq+XafHCurIIy24wMLZVpEcoT1hGzOXR\n" \
    "6JIZuiV8kXnRAs6oQe1RoIOiaMixOkyO5J8TjqczMNFmg8Es98BklEp5VKNTMFEw\n" \
    "HQYDVR0OBBYEFLfnuu3q5AQjwy6BkA9kH2KH1JbEMB8GA1UdIwQYMBaAFLfnuu3q\n" \
    "5AQjwy6BkA9kH2KH1JbEMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwMDZwAw\n" \
    "ZAIwJCRu8KNklv7isbW3uuGuFU4GjXZK6PGUyXKkojzomUdX0rdF6MIAxIh7Ihgb\n" \
    "6uA9AjALan+h9h+JcuSxyIDfCB9fV2MeLpctCj9h4gst+x22hYSTyLBqzJP/68Uf\n" \
    "3Gw4SZU=\n" \
    "-----END CERTIFICATE-----\n"

/* RSA_KEY in other clothes. */
#define RSA_KEY_PKCS1 \
    "-----BEGIN RSA PRIVATE KEY-----\n" \
    "MIIEogIBAAKCAQEAzJi+HYjxAjwiOFVNMfGgfkm1RKabG/OhW8h9L2HPLwH69/qJ\n" \
    "tsjzKRNIpY/aFb5xYM5Xvi28suW4nA72FiCvZtM1QRS7tlf5qvZsrvmv/NGmbbgw\n" \
    "VO2GGCyYqNPglJ/Jj5bOZxeryEGXSY26AR1Qwdvpx6+uGU/Fx8PlkMSRXbWfe0ND\n" \
    "WfEXY37X5+EAL9V5SIHQ80sexJnsTSUD8DyDIsmQvMome4aLZ1PWSzoCB4nq85NC\n" \
    "LPp9BcESd8Vzj9cqP/vXiCHMRHPCWSuPyIGnV75A+zyyNsm+dn++e68CLKJtgbWS\n" \
    "faGpIf31r7O139XxrwBnayc04NCmWfixZ+j1GQIDAQABAoIBACHR3NlSfe5d5NU1\n" \
    "iodnNt2xTvC8bpbiAKoEm+blbuNJG0R7CmEn2gQP7zoI66ac/q5fJYNnGZJj5U6M\n" \
    "rZKOUBg58QtjQz060Sc4yVHqLbRnrnBkGj8rrTcZRhngPjcrK50b8134vHljmD+9\n" \
    "GQJep28ILF6JFIkUFfA12mCCEbpww+2H7Qh1nEvC+CrN0AXRER62CubPpgRZizpR\n" \
    "kMN2CBCvcCPNRCOay4M7aqd0VonE6BUVyQa7pTU9lQDLdcPuhi1iS8gM24tHbFKk\n" \
    "gZL6Rlf73DpHXIdCa24hwwGbhXQ+IFRVcNRSfx8ChLi5HXWx8ZKBm4LmNBlcrg9J\n" \
    "kikKawUCgYEA6zvtZ5KBnqJIyhJ36A55Uwzkbj735KqbPRgPGps3y+1E16GTWdC/\n" \
    "dyKSJqNK1kWlqB/J3IrXO5g6yCpSGcNrZbF7e2mxXLpnhGN/iAnzQSAJX53HMS8A\n" \
    "rcz+AZMOQXn0ylZkqPsFABTXrh5pwq5Yusos/iP9IPMU+k728Fw0yy0CgYEA3qhv\n" \
    "/61a9Dk7faedPXPM4d4sliJ8SjA35KJgshCI7J8nlfeiTE6MMCWEpOmxh57D+pBk\n" \
    "9Pjsmr/mr9wF3HrwxaPStDHxeedzLpSMAtdg00e3tgdN6jiB/A+F4cOmmBHzUUPo\n" \
    "1OjcfSge91o7jGo8N5MNddNruYPcHoMYpFNYVR0CgYACktRFFtA+OQ5Mz6jqLAZd\n" \
    "xz1Ui3HQ2aD7KSE5LEuO+piPN2BSUjtWBVXOAGlYMMjgLwDZXdd++mpiODxPtdid\n" \
    "8zQjpINhPVTWmPQTO/CiXMRdfG9qdVYvkJeS0tYMF1Z7RDiztJNYbeHyMLj9fUTR\n" \
    "PlcBrMkfLCmll2mSNaAKPQKBgAQQNtsHot1KHhfQ80Gn11lX4KBsyK/h6WM2w2T8\n" \
    "gEMxNFu8RS33UP+f76fCzAaZkyIDeJQv5sF8Nw2GimTXqYUx1CqNrsZ2vtdexp9W\n" \
    "puG0MVoVEAryNQ0Qi3TvSR8FVNdq0djw1vVBwi7paqTJW4f4GwrHbPPZwC6eXdjB\n" \
    "3J7RAoGAIleG4dd6I7WyljayAwIN/SJGIRsB3gKBgFtG+b4pDULf0Nxt3inKmGYj\n" \
    "YqBVn7VCnJKJFhnld30wkyCYoqMLCl8fwy6UEMK9LNaeONyBd1bfqTa3qNKXslSI\n" \
    "K1AI4+K0jS54wbeXSdXCjjkMEjEr3WZZvXClIjhrGaGaPsNi0S8=\n" \
    "-----END RSA PRIVATE KEY-----\n"

/* What browsers do not take. */
#define P521_KEY \
    "-----BEGIN EC PRIVATE KEY-----\n" \
    "MIHcAgEBBEIAueZal8Vn6WagSxuthvKUsVvQJ4VoptxhKVYYcRLnSAElZiCDaXtm\n" \
    "k59OFHJEzT4ZQX6onJ2seXWsX3Ee5/Xx5iOgBwYFK4EEACOhgYkDgYYABABn7ARv\n" \
    "/0fkGo7URn4ZnLTOUfLe2MuTihGIvfURvZXNG0TlR6aEaiA4lmk+PglzpFzlGTUS\n" \
    "hEdFmcMevU7K338TjgD8g7yKX+zDjgrEivzK5BPmVK1GO/2dotAl6LRMDKQbxv7u\n" \
    "JBXb9voa+oCLzXPfnLztr+7XAqLNMLjAaMDimsCRqw==\n" \
    "-----END EC PRIVATE KEY-----\n"

#define P521_CERTIFICATE \
    "-----BEGIN CERTIFICATE-----\n" \
    "MIIB/TCCAV6gAwIBAgIUURlkdk0qGIfyWIBSUKaC1N7IzRkwCgYIKoZIzj0EAwIw\n" \
    "DzENMAsGA1UEAwwEcDUyMTAgFw0yNjExMjMwMjA5NDVaGA8yMDgxMDgyNjAyMDk0\n" \
    "NVowDzENMAsGA1UEAwwEcDUyMTCBmzAQBgcqhkjOPQIBBgUrgQQAIwOBhgAEAGfs\n" \
    "BG//R+QajtRGfhmctM5R8t7Yy5OKEYi99RG9lc0bROVHpoRqIDiWaT4+CXOkXOUZ\n" \
    "NRKER0WZwx69TsrffxOOAPyDvIpf7MOOCsSK/MrkE+ZUrUY7/Z2i0CXotEwMpBvG\n" \
    "/u4kFdv2+hr6gIvNc9+cvO2v7tcCos0wuMBowOKawJGro1MwUTAdBgNVHQ4EFgQU\n" \
    "8IcAMa1f/EDeztAJV80kzuQm+9MwHwYDVR0jBBgwFoAU8IcAMa1f/EDeztAJV80k\n" \
    "zuQm+9MwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgOBjAAwgYgCQgEBD+Ih\n" \
    "GHCYHk1Gf27QLoDO6ftBZ6u+DfapijXFbGi2f/QPBdE7yjBTBQ2vCErK4m+2pq2/\n" \
    "11DTecqsE3dBt50bjgJCAdUB5LqKJZy3+m7Ix5wUnXtk+rOS/g3iTObJ8Szzapd2\n" \
    "/jU6x+89qm9hAMTzAxPYICS+MrgB9PsAicnG31etAAkJ\n" \
    "-----END CERTIFICATE-----\n"

#define ED25519_KEY \
    "-----BEGIN PRIVATE KEY-----\n" \
    "MC4CAQAwBQYDK2VwBCIEILeyKpABSjpRwh9nehbb4BwbYIl8cU3cO5Zp7eRA2+t7\n" \
    "-----END PRIVATE KEY-----\n"

#define ED25519_CERTIFICATE \
    "-----BEGIN CERTIFICATE-----\n" \
    "MIIBMDCB46ADAgECAhQj81lQhUnaYTNSf+Tm1tASv2dk+zAFBgMrZXAwDTELMAkG\n" \
    "A1UEAwwCZWQwIBcNMjYxMTIzMDIwOTQ1WhgPMjA4MTA4MjYwMjA5NDVaMA0xCzAJ\n" \
    "BgNVBAMMAmVkMCowBQYDK2VwAyEAAeEdy0RIoR8hKiOkFT39njQxJ7Q6uhFG0lhy\n" \
    "D4gW26OjUzBRMB0GA1UdDgQWBBTlehpsId9dGrupimniprSrbN01nTAfBgNVHSME\n" \
    "GDAWgBTlehpsId9dGrupimniprSrbN01nTAPBgNVHRMBAf8EBTADAQH/MAUGAytl\n" \
    "cANBAAJGEgYVaX5sTJgiBUe4FNx+2ybHwFGPAYvDy7Fk9azyOJ5uQmM+XCPESQen\n" \
    "B4Nmck13/6avmH5vNgyycvB72g8=\n" \
    "-----END CERTIFICATE-----\n"

#define SHORT_RSA_KEY \
    "-----BEGIN RSA PRIVATE KEY-----\n" \
    "MIICWwIBAAKBgQClSaj/Qx9KqHjDV2wQs4rwv68bUO9l+k+R6N91RhKLcuE74/YW\n" \
    "C8sn80dsDM4+O0M8nq4ithP8Ll0UalBQsu8+U3LvHSubeB/IDJkg9HwOlGhAcfcw\n" \
    "7LExVxcD5Brnl5DwQjYNfsSfiyRS72x7jGUudoo0AFGqWzs9Ghgh8F1RcwIDAQAB\n" \
    "AoGAEAKOiAssYMLoz6MMKKH7d05Z279/MNWKF4wC+Q0Mhs1d27s8/u2tg/Ugmeqz\n" \
    "n3uGC70jCOGyFd83zN5vYSGz4qGzakf5MJzMMOCbljdjo3kmPh8mb0V7yTkpdXzq\n" \
    "S049ZDlnmlgUp2qWjIAl7ndKVLUcfQuJG/HBVm+B6vzw0cECQQDYn47/znE0L5QQ\n" \
    "H8GyXaLRKzZv2ltZ5YYs34wV+1tsgVdNf+T4wGqxG9C9OyEQGsygf/o5BnmZfRqj\n" \
    "c5s5JQKJAkEAw1U7MwA5/mGJctt/E+jAGKn0A4rAH1XNfGB+zp2u/WHEPFcoDWV/\n" \
    "PxiD3Jmds+kcqASneADY42eqF3SELkZlGwJAE5Iu2DutjJpz1RUZaeT9zcoKrAZd\n" \
    "VHzhJ3K29FF2TBJPcegJJtQzj3bE4CPUc+EH9cQ6Nia4m75qxrOuJXaLiQJAJRPQ\n" \
    "oOWyHG83P+4aORU9IXFhOCrmPQx0bN+EMoQL61zbeviwSZqyhK+KmB0wqi3dmqcH\n" \
    "gufmQ4Qx7THYxU/ncQJAANp+IjOxNbW75OxB32k4nAd19TTYDrd6UoTuDl5sKCQt\n" \
    "Io1x1KRdXjqc/PrfxFEoXDapW9ACth4iMqZNe/RI/A==\n" \
    "-----END RSA PRIVATE KEY-----\n"

#define SHORT_RSA_CERTIFICATE \
    "-----BEGIN CERTIFICATE-----\n" \
    "MIIB/jCCAWegAwIBAgIUf9DKaqKLeJk0+QWtNvEHEoGOFbQwDQYJKoZIhvcNAQEL\n" \
    "BQAwEDEOMAwGA1UEAwwFc2hvcnQwIBcNMjYxMTIzMDIwOTQ1WhgPMjA4MTA4MjYw\n" \
    "MjA5NDVaMBAxDjAMBgNVBAMMBXNob3J0MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCB\n" \
    "iQKBgQClSaj/Qx9KqHjDV2wQs4rwv68bUO9l+k+R6N91RhKLcuE74/YWC8sn80ds\n" \
    "DM4+O0M8nq4ithP8Ll0UalBQsu8+U3LvHSubeB/IDJkg9HwOlGhAcfcw7LExVxcD\n" \
    "5Brnl5DwQjYNfsSfiyRS72x7jGUudoo0AFGqWzs9Ghgh8F1RcwIDAQABo1MwUTAd\n" \
    "BgNVHQ4EFgQUMZz0Gk9XGFEYveAr8LrTn7Yyb08wHwYDVR0jBBgwFoAUMZz0Gk9X\n" \
    "GFEYveAr8LrTn7Yyb08wDwYDVR0TAQH/BAUwAwEB/zANBgkqhkiG9w0BAQsFAAOB\n" \
    "gQCgvdladP+2Symf89PZvWz+IgVbJbBxb4nNJ9b+kXbCX+bFgyNxxTYmAfbUH0N2\n" \
    "nKAfb+Vw1fLS6l142ZLRS89Uk9bQfWBCn65x7fyWREiukzCUFYA6GHqJapSE4SOr\n" \
    "slKKEbizyG6TmIoXQyqu/2KLoagz+nCfv+JTx/5IfhfjGw==\n" \
    "-----END CERTIFICATE-----\n"

#endif

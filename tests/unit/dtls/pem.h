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

#endif

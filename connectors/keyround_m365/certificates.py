"""Key pairs for the application: making one, and reading until when one holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from keyround.setup import KeyPair

BITS = 3072


def new(name: str, days: int, now: datetime) -> KeyPair:
    """An RSA key and a self-signed certificate for it, from a day ago until `days` from now. `now` is naive UTC."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.x509.oid import NameOID

    key = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"keyround {name}"[:64])])
    begins = now.replace(tzinfo=UTC, microsecond=0)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(called)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins - timedelta(days=1))  # a clock that is slow here or fast there
        .not_valid_after(begins + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public = certificate.public_bytes(serialization.Encoding.PEM).decode()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    # The portal shows SHA-1 thumbprints; this one identifies, it protects nothing.
    thumbprint = certificate.fingerprint(hashes.SHA1()).hex().upper()
    return KeyPair(private + public, public, thumbprint, certificate.not_valid_after_utc.replace(tzinfo=None))


def ends(pem: str) -> datetime | None:
    """Until when the certificate in a PEM text holds, naive UTC; None when there is none to read."""
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc.replace(tzinfo=None)
    except ValueError:
        return None

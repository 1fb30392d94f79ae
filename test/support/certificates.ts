import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'

/** A key, and the certificate that says whose it is; both as PEM. */
export interface Certified {
  readonly key: string
  readonly cert: string
}

/** An authority of a test's own, and what it vouches for: a server at 127.0.0.1 and localhost, and a client. */
export interface Certificates {
  readonly ca: string
  readonly server: Certified
  readonly client: Certified
}

/** Made anew, valid from a day ago for a month. */
export function testCertificates(): Certificates {
  const authority = keys()
  const ca = certificate('Test authority', authority, 'Test authority', authority, [authorityOnly])
  const issued = (subject: string, extensions: readonly Buffer[]): Certified => {
    const own = keys()
    const key = own.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    return { key, cert: certificate(subject, own, 'Test authority', authority, extensions) }
  }
  return { ca, server: issued('Test server', [localNames]), client: issued('Test client', []) }
}

interface Keys {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

function keys(): Keys {
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
}

let serial = 0

/** X.509, version 3, with no more in it than is needed. */
function certificate(subject: string, own: Keys, issuer: string, by: Keys, extensions: readonly Buffer[]): string {
  const version = der(0xa0, der(0x02, Buffer.of(2)))
  const day = 86_400_000
  const validity = der(0x30, utcTime(Date.now() - day), utcTime(Date.now() + 30 * day))
  const publicKey = own.publicKey.export({ type: 'spki', format: 'der' })
  const extra = extensions.length === 0 ? [] : [der(0xa3, der(0x30, ...extensions))]
  const number = der(0x02, Buffer.of((serial += 1)))
  const body = der(0x30, version, number, ecdsaWithSha256, name(issuer), validity, name(subject), publicKey, ...extra)
  const signature = der(0x03, Buffer.of(0), sign('sha256', body, by.privateKey))
  const lines = der(0x30, body, ecdsaWithSha256, signature)
    .toString('base64')
    .match(/.{1,64}/g)!
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n')
}

function der(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents)
  const { length } = content
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.of(tag, ...size), content])
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'))
}

function name(commonName: string): Buffer {
  return der(0x30, der(0x31, der(0x30, oid('550403'), der(0x0c, Buffer.from(commonName)))))
}

function utcTime(at: number): Buffer {
  return der(0x17, Buffer.from(`${new Date(at).toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`))
}

const ecdsaWithSha256 = der(0x30, oid('2a8648ce3d040302'))
/** Basic constraints: CA. */
const authorityOnly = der(
  0x30,
  oid('551d13'),
  der(0x01, Buffer.of(0xff)),
  der(0x04, der(0x30, der(0x01, Buffer.of(0xff)))),
)
/** Subject alternative names. */
const localNames = der(
  0x30,
  oid('551d11'),
  der(0x04, der(0x30, der(0x82, Buffer.from('localhost')), der(0x87, Buffer.of(127, 0, 0, 1)))),
)

package blob

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// s3Patience bounds a call, so that storage that hangs holds up no more than itself.
const s3Patience = 30 * time.Second

type s3 struct {
	client         *minio.Client
	bucket, prefix string
}

func openS3(u *url.URL, keys Keys) (Store, error) {
	q := u.Query()
	for name := range q {
		if name != "endpoint" && name != "region" {
			return nil, fmt.Errorf("there is no setting %q of S3; there are endpoint and region", name)
		}
	}
	endpoint, secure := "s3.amazonaws.com", true
	if e := q.Get("endpoint"); e != "" {
		eu, err := url.Parse(e)
		if err != nil || eu.Host == "" || eu.Scheme != "http" && eu.Scheme != "https" || strings.Trim(eu.Path, "/") != "" {
			return nil, errors.New("endpoint is an address such as https://s3.eu-west-1.amazonaws.com")
		}
		endpoint, secure = eu.Host, eu.Scheme == "https"
	}
	creds := credentials.NewEnvAWS()
	if keys.ID != "" {
		creds = credentials.NewStaticV4(keys.ID, keys.Secret, "")
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = s3Patience
	transport.DisableCompression = true
	region := q.Get("region")
	if region == "" {
		region = "us-east-1" // named, so that no call is spent on asking for it
	}
	c, err := minio.New(endpoint, &minio.Options{Creds: creds, Secure: secure, Region: region, Transport: transport, MaxRetries: 3})
	if err != nil {
		return nil, err
	}
	prefix := strings.Trim(u.Path, "/")
	if prefix != "" {
		prefix += "/"
	}
	return &s3{client: c, bucket: u.Host, prefix: prefix}, nil
}

func (s *s3) Name() string { return "s3" }

func (s *s3) Put(ctx context.Context, key string, data []byte) error {
	if err := checkKey(key); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s3Patience)
	defer cancel()
	// Named as bytes and nothing else: should a bucket ever be public, nothing in it is a page.
	_, err := s.client.PutObject(ctx, s.bucket, s.prefix+key, bytes.NewReader(data), int64(len(data)),
		minio.PutObjectOptions{ContentType: "application/octet-stream", DisableMultipart: true})
	return err
}

func missing(err error) bool {
	code := minio.ToErrorResponse(err).Code
	return code == minio.NoSuchKey || code == "NotFound"
}

func (s *s3) Get(ctx context.Context, key string) ([]byte, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s3Patience)
	defer cancel()
	o, err := s.client.GetObject(ctx, s.bucket, s.prefix+key, minio.GetObjectOptions{})
	if err == nil {
		defer o.Close()
		var data []byte
		if data, err = io.ReadAll(io.LimitReader(o, maxFile)); err == nil {
			return data, nil
		}
	}
	if missing(err) {
		return nil, ErrMissing
	}
	return nil, err
}

func (s *s3) Delete(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s3Patience)
	defer cancel()
	if err := s.client.RemoveObject(ctx, s.bucket, s.prefix+key, minio.RemoveObjectOptions{}); err != nil && !missing(err) {
		return err
	}
	return nil
}

func (s *s3) List(ctx context.Context, f func(string, time.Time) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the listing where f does
	for o := range s.client.ListObjects(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix, Recursive: true}) {
		if o.Err != nil {
			return o.Err
		}
		key := strings.TrimPrefix(o.Key, s.prefix)
		if checkKey(key) != nil {
			continue // not ours
		}
		if err := f(key, o.LastModified); err != nil {
			return err
		}
	}
	return nil
}

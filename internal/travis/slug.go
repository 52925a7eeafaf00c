package travis

import "strings"

// MaxSlug is the length of the longest owner/name. The API's schema says the same.
const MaxSlug = 140

// SlugRule describes the rule of IsSlug, for error messages.
const SlugRule = "owner/name with ASCII letters, digits, '.', '-', '_' and '~'"

// IsSlug reports whether s is owner/name as Travis writes it. Two spellings of a slug can differ only in
// the case of letters, and none needs escaping.
func IsSlug(s string) bool {
	owner, name, ok := strings.Cut(s, "/")
	return ok && owner != "" && name != "" && len(s) <= MaxSlug && onlySlugBytes(owner) && onlySlugBytes(name)
}

func onlySlugBytes(s string) bool {
	for i := range len(s) {
		if !isSlugByte(s[i]) {
			return false
		}
	}
	return true
}

func isSlugByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', isDigit(c), c == '.', c == '-', c == '_', c == '~':
		return true
	}
	return false
}
